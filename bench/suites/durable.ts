// What durability costs, and that it holds: fixes beside a server that keeps nothing, durable acknowledgements on a schedule, starts with a
// million stored drivers, and kills in the middle of a feed.

import { once } from 'node:events';
import { get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { DataDisk } from '../lib/data-disk.ts';
import { runKillRounds } from '../lib/kill-rounds.ts';
import { RAZIEL } from '../lib/paths.ts';
import { firstObject, startNode } from '../lib/processes.ts';
import type { Report } from '../lib/report.ts';
import { sleep } from '../lib/sleep.ts';
import { median } from '../lib/statistics.ts';
import { addStream } from '../lib/streams.ts';
import type { RunOptions, Suite } from '../lib/suite.ts';
import { Fixture, type Target } from '../load/fixture.ts';
import { BATCH_FIXES } from '../load/frames.ts';
import type { ClosedLoopResult, ScheduledResult, ScheduledStream } from '../load/jobs.ts';

const DRIVERS = 100_000;
const STORED_DRIVERS = 1_000_000;
const LAPS = 8;
const DURABLE_BATCHES_PER_SECOND = 1_000;
const KILLED_DRIVERS = 2_000;
const READY_MS_MAX = 60_000;

export const durableSuite: Suite = {
  name: 'durable',
  description: 'fixes with and without a data directory, durable acknowledgements, starts and kills',
  async run(options, report) {
    const disk = new DataDisk(options.data);
    try {
      if (disk.doubt !== undefined) report.note(disk.doubt);
      await feed(disk, options, report);
      await starts(disk, options, report);
      await kills(disk, options, report);
    } finally {
      disk.remove();
    }
  },
};

/** `durable.locations.*` and `durable.ack.*`. */
async function feed(disk: DataDisk, options: RunOptions, report: Report): Promise<void> {
  report.note(`durable: loading ${DRIVERS} drivers into a server with --data and one with --memory`);
  const fixture = await Fixture.start(DRIVERS, LAPS, options);
  try {
    const storing = await fixture.startServer(['--data', disk.fresh()]);
    await fixture.drive({ kind: 'load', port: storing.port });
    await locations(fixture, storing, disk, options, report);
    await acknowledgements(fixture, storing, disk, options, report);
  } finally {
    await fixture.stop();
  }
}

/** The two take turns on the same core, as the server and the echo app of the suite `serve` do. */
async function locations(
  fixture: Fixture,
  storing: Target,
  disk: DataDisk,
  { quick, awakeDriver }: RunOptions,
  report: Report,
): Promise<void> {
  report.note('durable: locations');
  // Long enough for several commits in each turn.
  const measuredMs = quick ? 2_000 : 4_000;
  const run = async (target: Target): Promise<ClosedLoopResult> => {
    const { port, pid, core } = target;
    const before = await fixture.fixCounts(target);
    const shape = { request: 'locations', connections: 20, inFlight: 4, isAwake: awakeDriver } as const;
    const result = await fixture.drive<ClosedLoopResult>({
      kind: 'closed',
      port,
      pid,
      core,
      ...shape,
      warmUpMs: 500,
      measuredMs,
    });
    const { accepted, others } = await fixture.fixCounts(target);
    if (accepted - before.accepted !== result.sent * BATCH_FIXES || others !== before.others) {
      throw new Error(`of ${result.sent * BATCH_FIXES} fixes the server accepted ${accepted - before.accepted}`);
    }
    // What it has still to store is its own to bear.
    await untilStored(storing);
    return result;
  };
  const pairs: { memory: number; data: number }[] = [];
  for (let round = 0; round <= (quick ? 2 : 5); round++) {
    const pair = { memory: fixRate(await run(fixture.server)), data: fixRate(await run(storing)) };
    if (round > 0) pairs.push(pair);
  }
  const ratio = median(pairs.map(({ memory, data }) => data / memory));
  const possible = [0.01, 2] as const;
  report.add({ metric: 'durable.locations.ratio', value: ratio, unit: 'ratio', invalid: disk.doubt, possible });
  const unit = 'fixes/s';
  report.add({ metric: 'durable.locations.data', value: median(pairs.map(({ data }) => data)), unit });
  report.add({ metric: 'durable.locations.memory', value: median(pairs.map(({ memory }) => memory)), unit });
}

function fixRate({ requests, seconds }: ClosedLoopResult): number {
  return (requests * BATCH_FIXES) / seconds;
}

async function acknowledgements(
  fixture: Fixture,
  { port, pid, core }: Target,
  disk: DataDisk,
  { quick, seed }: RunOptions,
  report: Report,
): Promise<void> {
  report.note('durable: acknowledgements');
  await fixture.drive({ kind: 'prepare', drivers: DRIVERS, seed, laps: LAPS, ack: 'durable' });
  const result = await fixture.drive<ScheduledResult>({
    kind: 'scheduled',
    port,
    pid,
    core,
    seed,
    loads: [{ request: 'locations', perSecond: DURABLE_BATCHES_PER_SECOND }],
    warmUpMs: 1_000,
    measuredMs: quick ? 4_000 : 20_000,
  });
  addStream(report, 'durable.ack', result.streams[0] as ScheduledStream, disk.doubt);
  const possible = [0, 2] as const;
  report.add({ metric: 'durable.ack.serverBusy', value: result.serverShare ?? 0, unit: 'ratio', possible });
}

/** `durable.recover`: from the start of the process to the first 200 of /readyz. The file is in the system's cache, as after a crash of the server. */
async function starts(disk: DataDisk, options: RunOptions, report: Report): Promise<void> {
  report.note(`durable: storing ${STORED_DRIVERS} drivers`);
  const data = disk.fresh();
  const fixture = await Fixture.start(STORED_DRIVERS, 1, options, ['--data', data]);
  try {
    await untilStored(fixture.server);
  } finally {
    fixture.server.process.kill('SIGKILL');
    await fixture.stop();
  }
  report.note('durable: starts');
  const seconds: number[] = [];
  const loading: number[] = [];
  for (let round = 0; round < (options.quick ? 3 : 7); round++) {
    const port = await freePort();
    const startedAt = performance.now();
    const args = ['serve', '--port', String(port), '--json', '--data', data, '--log-level', 'warn'];
    const child = startNode(RAZIEL, { nodeFlags: options.serverFlags, args });
    try {
      await untilReady(port, startedAt);
      seconds.push((performance.now() - startedAt) / 1000);
      const metrics = await metricsOf({ port });
      const restored = metrics('raziel_storage_loaded_drivers_total{outcome="restored"}');
      if (restored !== STORED_DRIVERS) throw new Error(`of ${STORED_DRIVERS} stored drivers ${restored} were loaded`);
      loading.push(metrics('raziel_storage_load_seconds'));
    } finally {
      const exited = once(child, 'exit');
      if (child.kill('SIGKILL')) await exited;
    }
  }
  const possible = [0.05, 600] as const;
  report.add({ metric: 'durable.recover', value: median(seconds), unit: 's', invalid: disk.doubt, possible });
  report.add({ metric: 'durable.recover.worst', value: Math.max(...seconds), unit: 's', possible });
  report.add({ metric: 'durable.recover.loading', value: median(loading), unit: 's', possible });
}

/** `durable.lost`: promised fixes that were not there after a kill. Anything that is not whole, or went back in time, fails the run. */
async function kills(disk: DataDisk, { quick, seed, serverFlags }: RunOptions, report: Report): Promise<void> {
  const count = quick ? 5 : 100;
  report.note(`durable: ${count} kills`);
  const data = disk.fresh();
  const { promised, faults } = await runKillRounds({
    kills: count,
    seed,
    drivers: KILLED_DRIVERS,
    async boot() {
      const args = ['serve', '--port', '0', '--json', '--threads', '1', '--data', data, '--log-level', 'warn'];
      const child = startNode(RAZIEL, { nodeFlags: serverFlags, args });
      const exited = once(child, 'exit');
      const { port } = await firstObject<{ port: number }>(child, 'the server');
      return {
        port,
        async kill() {
          child.kill('SIGKILL');
          await exited;
        },
      };
    },
    onRound(round) {
      if (round > 0 && round % 10 === 0) report.note(`durable: ${round} kills`);
    },
  });
  for (const fault of faults.slice(0, 10)) report.note(`durable: ${JSON.stringify(fault)}`);
  report.add({ metric: 'durable.lost', value: faults.length, unit: 'fixes', possible: [0, 0] });
  report.add({ metric: 'durable.lost.of', value: promised, unit: 'fixes' });
}

/** Resolves when all that was applied is on disk. */
async function untilStored({ port }: Pick<Target, 'port'>): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/locations?ack=durable`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '[]',
  });
  if (!response.ok) throw new Error(`the server does not store what it has: ${await response.text()}`);
}

/** One that no connection takes for its own end: whoever keeps trying to connect to one of those may meet itself there. */
async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(20_000 + Math.floor(Math.random() * 10_000), '127.0.0.1');
    const port = await once(server, 'listening').then(
      () => (server.address() as AddressInfo).port,
      () => undefined,
    );
    server.close();
    if (port !== undefined) return port;
  }
}

/** Resolves when /readyz answers 200, to a few milliseconds. */
async function untilReady(port: number, sinceMs: number): Promise<void> {
  const isReady = (): Promise<boolean> =>
    new Promise((resolve) => {
      const request = get({ host: '127.0.0.1', port, path: '/readyz', agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      request.once('error', () => resolve(false));
    });
  while (!(await isReady())) {
    if (performance.now() - sinceMs > READY_MS_MAX) throw new Error('the server does not become ready');
    await sleep(2);
  }
}

/** Reads a figure of /metrics by its name and labels. */
async function metricsOf({ port }: Pick<Target, 'port'>): Promise<(name: string) => number> {
  const lines = (await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).split('\n');
  return (name) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1]);
}
