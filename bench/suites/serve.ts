// The server over WebSocket, as much as it can: batches of fixes, and nearest queries beside a bare uWebSockets.js app that answers the
// same bytes with as many of its own. Server and echo take turns, so that both see the same machine.

import { BATCH_FIXES } from '../load/frames.ts';
import { Fixture, type Target } from '../load/fixture.ts';
import type { ClosedLoopJob, ClosedLoopResult } from '../load/jobs.ts';
import type { Metric, Report } from '../lib/report.ts';
import { median } from '../lib/statistics.ts';
import type { RunOptions, Suite } from '../lib/suite.ts';

/** A large fleet's, and as many as the peers' figures in docs/benchmarks.md and the `mixed` suite have. */
const DRIVERS = 100_000;
const BUSY_SHARE_MIN = 0.95;
const NEAREST = { request: 'nearest', connections: 20, inFlight: 16 } as const;
/** A client that asks one thing at a time sleeps until it is answered. */
const ROUND_TRIP = { request: 'nearest', connections: 1, inFlight: 1, isAwake: false } as const;
const LOCATIONS = { request: 'locations', connections: 20, inFlight: 4 } as const;

export const serveSuite: Suite = {
  name: 'serve',
  description: 'the server over WebSocket, closed loop, beside a bare echo app',
  async run(options, report) {
    const { seed } = options;
    report.note(`serve: loading ${DRIVERS} drivers`);
    const fixture = await Fixture.start(DRIVERS, 2, options);
    try {
      const replyBytes = Math.round(await fixture.probe(DRIVERS, seed, 500));
      const echo = await fixture.startEcho(replyBytes);
      report.note(`serve: server ${fixture.server.pid} and echo ${echo.pid} on core ${fixture.server.core ?? 'any'}`);
      report.add({ metric: 'serve.nearest.replyBytes', value: replyBytes, unit: 'bytes', possible: [200, 10_000] });
      await nearest(fixture, echo, options, report, replyBytes);
      await roundTrip(fixture, echo, options, report);
      await locations(fixture, options, report);
    } finally {
      await fixture.stop();
    }
  },
};

type Shape = Pick<ClosedLoopJob, 'request' | 'connections' | 'inFlight' | 'isAwake'>;

function run(
  fixture: Fixture,
  { port, pid, core }: Target,
  shape: Shape,
  measuredMs: number,
): Promise<ClosedLoopResult> {
  return fixture.drive({
    kind: 'closed',
    port,
    pid,
    core,
    ...shape,
    warmUpMs: Math.min(500, measuredMs / 2),
    measuredMs,
  });
}

/** Rounds of server, echo, server, echo …; the first ones of each warm up and are dropped. */
async function alternate(
  fixture: Fixture,
  echo: Target,
  shape: Shape,
  rounds: number,
  measuredMs: number,
): Promise<{ server: ClosedLoopResult; echo: ClosedLoopResult }[]> {
  const pairs = [];
  for (let round = 0; round <= rounds; round++) {
    const pair = {
      server: await run(fixture, fixture.server, shape, measuredMs),
      echo: await run(fixture, echo, shape, measuredMs),
    };
    if (round > 0) pairs.push(pair);
  }
  return pairs;
}

async function nearest(
  fixture: Fixture,
  echo: Target,
  { quick, awakeDriver }: RunOptions,
  report: Report,
  replyBytes: number,
): Promise<void> {
  report.note('serve: nearest, pipelined');
  const pairs = await alternate(
    fixture,
    echo,
    { ...NEAREST, isAwake: awakeDriver },
    // Many short ones: how fast the machine is changes within seconds.
    quick ? 7 : 25,
    quick ? 350 : 700,
  );
  const servers = pairs.map(({ server }) => server);
  const echoes = pairs.map((pair) => pair.echo);
  const sizes = servers.map(({ replyBytesMean }) => replyBytesMean);
  if (sizes.some((size) => Math.abs(size / replyBytes - 1) > 0.1)) {
    throw new Error(
      `answers had ${sizes.map(Math.round).join(', ')} bytes on average, and ${replyBytes} when they were looked at`,
    );
  }
  const invalid = notTheLimit(servers);
  const echoInvalid = notTheLimit(echoes);
  const ratio = median(pairs.map((pair) => rate(pair.server) / rate(pair.echo)));
  report.add({
    metric: 'serve.nearest.ofEcho',
    value: ratio,
    unit: 'ratio',
    invalid: invalid ?? (echoInvalid && `echo: ${echoInvalid}`),
    possible: [0.001, 5],
  });
  report.add({ metric: 'serve.nearest', value: median(servers.map(rate)), unit: 'requests/s', invalid });
  report.add({
    metric: 'serve.nearest.echo',
    value: median(echoes.map(rate)),
    unit: 'requests/s',
    invalid: echoInvalid,
  });
  // What remains of the ratio where others have a part of the core.
  const cpuRatio = median(pairs.map((pair) => cpuMicros(pair.echo) / cpuMicros(pair.server)));
  if (!Number.isNaN(cpuRatio)) report.add({ metric: 'serve.nearest.cpuOfEcho', value: cpuRatio, unit: 'ratio' });
  addUsage(report, 'serve.nearest', servers);
  addUsage(report, 'serve.nearest.echo', echoes);
}

async function roundTrip(fixture: Fixture, echo: Target, { quick }: RunOptions, report: Report): Promise<void> {
  report.note('serve: nearest, one at a time');
  const pairs = await alternate(fixture, echo, ROUND_TRIP, quick ? 7 : 25, quick ? 150 : 300);
  const ratio = median(pairs.map((pair) => p50(pair.server) / p50(pair.echo)));
  report.add({ metric: 'serve.rtt.ofEcho', value: ratio, unit: 'ratio', possible: [0.1, 100] });
  report.add({ metric: 'serve.rtt.p50', value: median(pairs.map(({ server }) => p50(server))), unit: 'µs' });
  report.add({
    metric: 'serve.rtt.p99',
    value: median(pairs.map(({ server }) => server.p99Micros ?? Number.NaN)),
    unit: 'µs',
  });
  report.add({ metric: 'serve.rtt.echo.p50', value: median(pairs.map((pair) => p50(pair.echo))), unit: 'µs' });
}

async function locations(fixture: Fixture, { quick, awakeDriver }: RunOptions, report: Report): Promise<void> {
  report.note('serve: locations');
  const before = await fixture.fixCounts();
  const results: ClosedLoopResult[] = [];
  let sent = 0;
  for (let round = 0; round <= (quick ? 3 : 7); round++) {
    const result = await run(fixture, fixture.server, { ...LOCATIONS, isAwake: awakeDriver }, quick ? 700 : 2_000);
    sent += result.sent * BATCH_FIXES;
    if (round > 0) results.push(result);
  }
  const after = await fixture.fixCounts();
  if (after.accepted - before.accepted !== sent || after.others !== before.others) {
    throw new Error(`of ${sent} fixes the server accepted ${after.accepted - before.accepted}`);
  }
  const invalid = notTheLimit(results);
  report.add({
    metric: 'serve.locations',
    value: median(results.map(fixRate)),
    unit: 'fixes/s',
    invalid,
    possible: [1e3, 1e9],
  });
  addUsage(report, 'serve.locations', results);
}

function p50({ p50Micros }: ClosedLoopResult): number {
  return p50Micros ?? Number.NaN;
}

function fixRate(result: ClosedLoopResult): number {
  return rate(result) * BATCH_FIXES;
}

function rate({ requests, seconds }: ClosedLoopResult): number {
  return requests / seconds;
}

/** Why these results do not show what the server can do; undefined when they do. */
function notTheLimit(results: readonly ClosedLoopResult[]): string | undefined {
  const share = medianOf(results, 'serverShare');
  if (share === undefined) return 'how busy it was is not known on this platform';
  if (share >= BUSY_SHARE_MIN) return undefined;
  const core = medianOf(results, 'coreShare');
  const used = `it used ${percent(share)} of its core`;
  if (core === undefined) return `${used}, which is not its own: nothing could be pinned`;
  if (core >= BUSY_SHARE_MIN) return `${used}, and others the rest`;
  return `${used}, which was idle for ${percent(1 - core)}: the load driver (${percent(medianOf(results, 'driverShare') ?? 0)} busy) was the limit`;
}

/** Microseconds of processor time that the server takes for a request. */
function cpuMicros({ serverShare = Number.NaN, seconds, requests }: ClosedLoopResult): number {
  return (serverShare * seconds * 1e6) / requests;
}

function addUsage(report: Report, name: string, results: readonly ClosedLoopResult[]): void {
  const share = medianOf(results, 'serverShare');
  if (share === undefined) return;
  const micros = median(results.map(cpuMicros));
  const usage: Metric[] = [
    { metric: `${name}.cpuMicros`, value: micros, unit: 'µs/request' },
    { metric: `${name}.busy`, value: share, unit: 'ratio', possible: [0, 1.5] },
    { metric: `${name}.driverBusy`, value: medianOf(results, 'driverShare') ?? 0, unit: 'ratio', possible: [0, 1.5] },
  ];
  for (const metric of usage) report.add(metric);
}

function medianOf(
  results: readonly ClosedLoopResult[],
  field: 'serverShare' | 'coreShare' | 'driverShare',
): number | undefined {
  const values = results.map((result) => result[field]).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
