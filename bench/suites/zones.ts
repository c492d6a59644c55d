// Zones: lookups in the native index by itself, zonesAt over WebSocket beside a bare echo app, and what uploads cost and do to lookups.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fixture, type Target } from '../load/fixture.ts';
import type { ClosedLoopJob, ClosedLoopResult, ZonesAtJob } from '../load/jobs.ts';
import { benchScript, PROJECT_DIR } from '../lib/paths.ts';
import { runTask } from '../lib/processes.ts';
import type { Report } from '../lib/report.ts';
import { median } from '../lib/statistics.ts';
import type { RunOptions, Suite } from '../lib/suite.ts';
import { countyLayer, pointsIn, UNITED_STATES } from '../lib/zone-layers.ts';
import type { MeasuredLayer, SnapshotsResult, SnapshotsTask } from '../micro/zones/snapshots.ts';
import type { UploadResult, UploadTask } from '../micro/zones/upload.ts';

/** A server needs drivers to be loaded; these lie idle. */
const DRIVERS = 2_000;
const POINTS = 20_000;
const PIPELINED = { request: 'zonesAt', connections: 20, inFlight: 16 } as const;
const ROUND_TRIP = { request: 'zonesAt', connections: 1, inFlight: 1, isAwake: false } as const;

export const zonesSuite: Suite = {
  name: 'zones',
  description: 'lookups of zones, in-process and over WebSocket, and uploads beside them',
  async run(options, report) {
    await lookups(options, report);
    await uploads(options, report);
    await serve(options, report);
  },
};

async function lookups({ quick, seed }: RunOptions, report: Report): Promise<void> {
  report.note('zones: lookups');
  const directory = mkdtempSync(join(tmpdir(), 'raziel-zones-'));
  try {
    const task: SnapshotsTask = { seed, directory, rounds: quick ? 3 : 9 };
    const result = await runTask<SnapshotsResult>(benchScript('micro/zones/snapshots.js'), 'zones.lookup', task);
    if (result.invented !== undefined) report.note(result.invented);
    const timer = compileTimer(directory);
    addLookups(report, 'zones.lookup', timer, result.counties);
    addLookups(report, 'zones.lookup.big', timer, result.stars);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Times lookups one by one, which JavaScript cannot: a call takes longer than what it measures. Undefined where there is no compiler. */
function compileTimer(directory: string): string | undefined {
  const program = join(directory, 'lookup');
  const sources = ['bench/micro/zones/lookup.cc', 'native/src/zones/attach.cc', 'native/src/zones/snapshot.cc'];
  const flags = ['-std=c++20', '-O3', '-ffp-contract=off', ...sources.map((source) => join(PROJECT_DIR, source))];
  const { status } = spawnSync('g++', [...flags, '-o', program], { stdio: 'ignore' });
  return status === 0 ? program : undefined;
}

function addLookups(report: Report, name: string, timer: string | undefined, layer: MeasuredLayer): void {
  const { file, box, microsPerPoint } = layer;
  const possible = [0.01, 1e4] as const;
  report.add({ metric: `${name}.batch`, value: microsPerPoint, unit: 'µs', possible });
  if (timer === undefined) {
    report.note(`${name}: there is no g++ to time single lookups with`);
    return;
  }
  const { stdout } = spawnSync(timer, [file, ...box.map(String)], { encoding: 'utf8' });
  for (const part of ['p50', 'p99']) {
    const nanos = Number(new RegExp(`${part} (\\d+) ns`).exec(stdout)?.[1]);
    report.add({ metric: `${name}.${part}`, value: nanos / 1000, unit: 'µs', possible });
  }
}

async function uploads({ quick, seed }: RunOptions, report: Report): Promise<void> {
  report.note('zones: uploads, and lookups beside them');
  const task: UploadTask = { seed, rounds: quick ? 3 : 9, runs: 5, measuredMs: quick ? 300 : 2_000 };
  const result = await runTask<UploadResult>(benchScript('micro/zones/upload.js'), 'zones.build', task);
  report.add({ metric: 'zones.build', value: result.buildMs / 1000, unit: 's' });
  for (const [stage, ms] of Object.entries(result.stagesMs)) {
    report.add({ metric: `zones.build.${stage}`, value: ms / 1000, unit: 's' });
  }
  report.add({ metric: 'zones.swap.p99ratio', value: median(result.p99Ratios), unit: 'ratio', possible: [0.1, 1e4] });
  report.add({ metric: 'zones.swap.p99', value: result.p99Micros, unit: 'µs' });
  report.add({ metric: 'zones.swap.swaps', value: result.swaps, unit: 'swaps' });
}

async function serve(options: RunOptions, report: Report): Promise<void> {
  const { quick, seed, awakeDriver } = options;
  report.note('zones: serving');
  const fixture = await Fixture.start(DRIVERS, 1, options);
  try {
    const { body } = countyLayer(seed);
    const base = `http://127.0.0.1:${fixture.server.port}/v1/zones`;
    const upload = await fetch(`${base}/counties?repair=1`, { method: 'PUT', body: new Uint8Array(body) });
    if (!upload.ok) throw new Error(`the server refused the counties: ${await upload.text()}`);
    const points = await coveredPoints(base, seed);
    await fixture.drive({ kind: 'zonesAt', points } satisfies ZonesAtJob);
    const run = (target: Target, shape: Shape, measuredMs: number): Promise<ClosedLoopResult> => {
      const { port, pid, core } = target;
      return fixture.drive({ kind: 'closed', port, pid, core, ...shape, warmUpMs: measuredMs / 4, measuredMs });
    };
    const pipelined: Shape = { ...PIPELINED, isAwake: awakeDriver };
    const first = await run(fixture.server, pipelined, 500);
    const echo = await fixture.startEcho(Math.round(first.replyBytesMean));
    report.add({
      metric: 'zones.serve.replyBytes',
      value: first.replyBytesMean,
      unit: 'bytes',
      possible: [20, 10_000],
    });
    const ratios: number[] = [];
    const rates: number[] = [];
    const echoRates: number[] = [];
    const cpuRatios: number[] = [];
    for (let round = 0; round < (quick ? 3 : 7); round++) {
      const server = await run(fixture.server, pipelined, quick ? 700 : 2_000);
      const bare = await run(echo, pipelined, quick ? 700 : 2_000);
      ratios.push(rate(server) / rate(bare));
      cpuRatios.push(cpuSeconds(bare) / cpuSeconds(server));
      rates.push(rate(server));
      echoRates.push(rate(bare));
    }
    report.add({ metric: 'zones.serve.ofEcho', value: median(ratios), unit: 'ratio', possible: [0.001, 5] });
    // What remains of the ratio where others have a part of the core.
    const ofCpu = median(cpuRatios);
    if (!Number.isNaN(ofCpu)) report.add({ metric: 'zones.serve.cpuOfEcho', value: ofCpu, unit: 'ratio' });
    report.add({ metric: 'zones.serve', value: median(rates), unit: 'requests/s' });
    report.add({ metric: 'zones.serve.echo', value: median(echoRates), unit: 'requests/s' });
    const trips: ClosedLoopResult[] = [];
    for (let round = 0; round < (quick ? 3 : 7); round++) {
      trips.push(await run(fixture.server, ROUND_TRIP, quick ? 300 : 1_000));
    }
    const ms = (part: 'p50Micros' | 'p99Micros'): number =>
      median(trips.map((trip) => (trip[part] ?? Number.NaN) / 1000));
    report.add({ metric: 'zones.serve.rtt.p50', value: ms('p50Micros'), unit: 'ms' });
    report.add({ metric: 'zones.serve.rtt.p99', value: ms('p99Micros'), unit: 'ms' });
  } finally {
    await fixture.stop();
  }
}

type Shape = Pick<ClosedLoopJob, 'request' | 'connections' | 'inFlight' | 'isAwake'>;

/** Random points of which each is in a county, so that every reply names one. */
async function coveredPoints(base: string, seed: number): Promise<Float64Array> {
  const covered: number[] = [];
  for (let batch = 0; covered.length < 2 * POINTS; batch++) {
    const all = pointsIn(UNITED_STATES, 5_000, seed + batch);
    const points = Array.from({ length: 5_000 }, (_, i) => [all[2 * i] as number, all[2 * i + 1] as number]);
    const response = await fetch(`${base}/at`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ points }),
    });
    const { results } = (await response.json()) as { results: { zones: unknown[] }[] };
    points.forEach((point, i) => {
      if ((results[i]?.zones.length ?? 0) > 0) covered.push(...point);
    });
  }
  return Float64Array.from(covered.slice(0, 2 * POINTS));
}

function rate({ requests, seconds }: ClosedLoopResult): number {
  return requests / seconds;
}

/** Of processor time for a request. */
function cpuSeconds({ serverShare = Number.NaN, seconds, requests }: ClosedLoopResult): number {
  return (serverShare * seconds) / requests;
}
