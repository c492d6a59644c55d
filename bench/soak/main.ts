// The soak: a server under a load in which everything comes and goes (drivers, their ids and tags, layers of zones, connections, clients that do
// not read), for hours, while its memory is measured and must stay flat.
//
//   npm run soak                                          # an hour
//   RAZIEL_SOAK_SECONDS=120 RAZIEL_SOAK_SEED=7 npm run soak
//
// After the warm-up (a quarter of the time, but 45 s where that is less than half) the resident memory is sampled once a second. Its median in the last third of the samples may be at
// most GROWTH_MAX above that of the first third, and so may its trend over all of them. Ends with exit code 1 otherwise, and for any fault of the
// server's own. RAZIEL_SOAK_FLAGS adds flags of `raziel serve`.

import { readFileSync } from 'node:fs';
import { RAZIEL } from '../lib/paths.ts';
import { firstObject, startNode, stop } from '../lib/processes.ts';
import { sleep } from '../lib/sleep.ts';
import { Load } from './load.ts';
import { growthOf } from './trend.ts';

const SECONDS = Number(process.env['RAZIEL_SOAK_SECONDS'] ?? 3_600);
const SEED = Number(process.env['RAZIEL_SOAK_SEED'] ?? 1_414);
const FLAGS = (process.env['RAZIEL_SOAK_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
/** A share of the memory. V8's heaps breathe by some percent. */
const GROWTH_MAX = 0.06;
const WARM_UP_SECONDS = Math.max(0.25 * SECONDS, Math.min(45, 0.5 * SECONDS));
const SAMPLE_MS = 1_000;
const REPORT_SECONDS = 10;

const MIB = 2 ** 20;

interface Listening {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
}

const args = ['serve', '--json', '--port', '0', '--threads', '1', '--memory', '--drivers-max', '50000'];
const child = startNode(RAZIEL, { args: [...args, '--log-level', 'error', ...FLAGS] });
const { url, port, pid } = await firstObject<Listening>(child, 'the server');
console.log(`soak: ${SECONDS} s, seed ${SEED}, ${url}, node ${process.version}`);

/** What went wrong; the first says it. */
const failures: string[] = [];
child.once('exit', (code, signal) => failures.push(`the server ended by itself (${signal ?? `exit code ${code}`})`));

const load = new Load(url, port, SEED);
const startedAt = performance.now();
const elapsed = (): number => (performance.now() - startedAt) / 1000;
const loading = load
  .run(() => failures.length > 0 || elapsed() >= SECONDS)
  .catch((error: unknown) => failures.push(`the load: ${String(error)}`));
const samples: number[] = [];
for (let n = 1; failures.length === 0 && elapsed() < SECONDS; n++) {
  await sleep(SAMPLE_MS);
  const bytes = residentBytes(pid);
  if (bytes === undefined) continue;
  if (elapsed() > WARM_UP_SECONDS) samples.push(bytes);
  if (n % REPORT_SECONDS === 0)
    console.log(`${Math.round(elapsed())} s: ${(bytes / MIB).toFixed(1)} MiB, ${load.summary()}`);
}
await loading;

if (failures.length === 0) failures.push(...(await faultsOf(url)));
const growth = growthOf(samples);
const text = `${(100 * growth.thirds).toFixed(1)}% between thirds, ${(100 * growth.trend).toFixed(1)}% by trend`;
console.log(
  `memory after the warm-up: ${(growth.median / MIB).toFixed(1)} MiB, growth ${text}, ${samples.length} samples`,
);
console.log(`in all: ${load.summary()}`);
if (samples.length < 10) failures.push('there are too few samples to tell');
if (Math.min(growth.thirds, growth.trend) > GROWTH_MAX) failures.push(`the memory grows: ${text}`);
child.removeAllListeners('exit');
await stop(child);
for (const failure of failures) console.log(`soak: ${failure}`);
console.log(failures.length === 0 ? 'soak: 1 passed, 0 failed' : 'soak: 0 passed, 1 failed');
process.exit(failures.length === 0 ? 0 : 1);

/** Undefined once the process is gone. */
function residentBytes(process: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${process}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  } catch {
    return undefined;
  }
}

/** What the server itself says went wrong, or never happened. */
async function faultsOf(server: string): Promise<string[]> {
  const metrics = await (await fetch(`${server}/metrics`)).text();
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(metrics)?.[1]);
  const faults: string[] = [];
  if (value('raziel_errors_total\\{code="INTERNAL"\\}') !== 0) faults.push('the server had faults of its own');
  if (!(value('raziel_tags') <= 256)) faults.push('more tags are in use than there may be');
  if (!(value('raziel_fixes_total\\{outcome="accepted"\\}') > 0)) faults.push('no fix was accepted');
  return faults;
}
