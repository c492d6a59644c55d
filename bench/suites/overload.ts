// What a well-behaved client notices of others that are not: the round trip of a nearest query while one kind of them goes on, with --max-memory.

import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { benchScript } from '../lib/paths.ts';
import { nextMessage, startNode, stop } from '../lib/processes.ts';
import type { Report } from '../lib/report.ts';
import { sleep } from '../lib/sleep.ts';
import type { RunOptions, Suite } from '../lib/suite.ts';
import { World } from '../lib/world.ts';
import { Fixture } from '../load/fixture.ts';
import { ATTACK_NAMES, type AttackJob, type AttackName, type ClosedLoopResult } from '../load/jobs.ts';

const DRIVERS = 100_000;
const MAX_MEMORY_MIB = 768;
const FLAGS = ['--memory', '--max-memory', `${MAX_MEMORY_MIB}MiB`, '--connections-max', '500', '--body-seconds', '3'];
/** The attackers share a core with the client whose round trips are measured, which is not to wait for them there. */
const ATTACKER_NICE = 10;
/** Whatever was refused, dropped or ended counts into one of these. */
const COUNTED =
  /^raziel_(connections_refused|connections_closed|overloaded_requests|shed_requests|http_aborted|errors)_total(?:\{.*\})? (\d+)$/gm;

export const overloadSuite: Suite = {
  name: 'overload',
  description: 'the round trip of a client beside others that misbehave, and the memory that they cost',
  async run(options, report) {
    report.note(`overload: loading ${DRIVERS} drivers`);
    const fixture = await Fixture.start(DRIVERS, 1, options, FLAGS);
    try {
      await measure(fixture, options, report, undefined);
      for (const attack of ATTACK_NAMES) await measure(fixture, options, report, attack);
      const peak = peakMib(fixture.server.pid);
      if (peak !== undefined) {
        report.add({ metric: 'overload.memory', value: peak, unit: 'MiB', possible: [50, MAX_MEMORY_MIB] });
      }
    } finally {
      await fixture.stop();
    }
  },
};

/** @param attack undefined for what there is without any */
async function measure(
  fixture: Fixture,
  { quick, seed }: RunOptions,
  report: Report,
  attack: AttackName | undefined,
): Promise<void> {
  const { port, pid, core } = fixture.server;
  const name = `overload.${attack ?? 'none'}`;
  report.note(`overload: ${attack ?? 'nobody misbehaves'}`);
  const before = await refusals(port);
  const attacker =
    attack === undefined ? undefined : startNode(benchScript('load/attacks.js'), { core: fixture.placement.driver });
  try {
    if (attacker !== undefined && attack !== undefined) {
      setPriority(attacker.pid as number, ATTACKER_NICE);
      const [lat, lon] = new World(2_000, seed).placeToAsk();
      const begun = nextMessage(attacker, `the attack "${attack}"`);
      attacker.send({ attack, port, lat, lon } satisfies AttackJob);
      await begun;
    }
    const result = await fixture.drive<ClosedLoopResult>({
      kind: 'closed',
      port,
      pid,
      core,
      request: 'nearest',
      connections: 1,
      inFlight: 1,
      isAwake: false,
      warmUpMs: 2_000,
      measuredMs: quick ? 2_000 : 10_000,
    });
    report.add({ metric: `${name}.p50`, value: ms(result.p50Micros), unit: 'ms' });
    report.add({ metric: `${name}.p99`, value: ms(result.p99Micros), unit: 'ms' });
    report.add({ metric: `${name}.serverBusy`, value: result.serverShare ?? 0, unit: 'ratio', possible: [0, 2] });
  } finally {
    if (attacker !== undefined) await stop(attacker);
  }
  // What it held is let go, and whoever was short of memory is served again.
  await sleep(1_000);
  if (attack === undefined) return;
  const counted = (await refusals(port)) - before;
  report.add({ metric: `${name}.counted`, value: counted, unit: 'refusals', possible: [0, Number.MAX_VALUE] });
}

const ms = (micros: number | undefined): number => (micros ?? Number.NaN) / 1000;

/** Everything that /metrics counts as refused, dropped or ended, so far. */
async function refusals(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } });
  return [...(await response.text()).matchAll(COUNTED)].reduce((sum, [, , count]) => sum + Number(count), 0);
}

/** The kernel's own: nothing escapes between two looks. */
function peakMib(pid: number): number | undefined {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return undefined;
  }
}
