// nearest-driver.search: in-process, all its steps; over WebSocket beside a feed; and what tracing costs.

import { once } from 'node:events';
import { unpack } from 'msgpackr';
import { WebSocket } from 'ws';
import { benchScript } from '../lib/paths.ts';
import { runTask } from '../lib/processes.ts';
import type { Report } from '../lib/report.ts';
import { addStream } from '../lib/streams.ts';
import type { RunOptions, Suite } from '../lib/suite.ts';
import { measureTraceOverhead } from '../lib/trace-overhead.ts';
import { type CityBox, World } from '../lib/world.ts';
import { countyLayer, UNITED_STATES } from '../lib/zone-layers.ts';
import { Fixture } from '../load/fixture.ts';
import { BATCH_FIXES, PickupFrames } from '../load/frames.ts';
import type { ScheduledResult, ScheduledStream } from '../load/jobs.ts';
import type { PipelineResult, PipelineTask } from '../micro/nearest/pipeline.ts';

const DRIVERS = 1_000_000;
const KINDS = ['economy', 'xl', 'van'];
const FARE = { base: 3.5, perKm: 1.8, perMinute: 0.4, currency: 'USD' };
const SEARCHES_PER_SECOND = 5_000;
const FIXES_PER_SECOND = 200_000;
const [west, south, east, north] = UNITED_STATES;
/** Cities are where the zones are. */
const CITIES: CityBox = { south, north, west, east };

export const nearestSuite: Suite = {
  name: 'nearest',
  description: 'nearest-driver.search, in-process and over WebSocket beside a feed, and what tracing costs',
  async run(options, report) {
    await pipeline(options, report);
    await serve(options, report, 'nearest.serve', false);
    // A core for all of the server's threads, as in the other suites.
    if (!options.quick) await serve(options, report, 'nearest.serve.oneCore', true);
    await measureTraceOverhead(options, report);
  },
};

async function pipeline({ quick, seed }: RunOptions, report: Report): Promise<void> {
  report.note('nearest: the pipeline');
  const task: PipelineTask = { drivers: DRIVERS, seed, queries: quick ? 5_000 : 50_000, rounds: quick ? 3 : 5 };
  const { p50, p99, replyBytes } = await runTask<PipelineResult>(
    benchScript('micro/nearest/pipeline.js'),
    'nearest.pipeline',
    task,
  );
  const unit = 'µs';
  const possible = [0.5, 1e6] as const;
  report.add({ metric: 'nearest.pipeline.p50', value: p50, unit, possible });
  report.add({ metric: 'nearest.pipeline.p99', value: p99, unit, possible });
  report.add({ metric: 'nearest.pipeline.replyBytes', value: replyBytes, unit: 'bytes', possible: [500, 1e5] });
}

async function serve(options: RunOptions, report: Report, name: string, isPinned: boolean): Promise<void> {
  const { quick, seed } = options;
  report.note(`nearest: loading ${DRIVERS} drivers and the counties`);
  // Of each kind as many candidates as are answered, as in the pipeline.
  const flags = ['--memory', '--eta-overfetch', '1'];
  const fixture = await Fixture.start(DRIVERS, 2, options, flags, { kinds: KINDS, cities: CITIES }, isPinned);
  try {
    const { server } = fixture;
    await publishCounties(server.port, seed, report);
    const replyBytes = await probe(server.port, new PickupFrames(new World(DRIVERS, seed, CITIES), KINDS));
    const before = await fixture.fixCounts();
    report.note(`nearest: serving; server ${server.pid} on core ${server.core ?? 'any'}`);
    const result = await fixture.drive<ScheduledResult>({
      kind: 'scheduled',
      port: server.port,
      pid: server.pid,
      core: server.core,
      seed,
      loads: [
        { request: 'pickups', perSecond: SEARCHES_PER_SECOND },
        { request: 'locations', perSecond: FIXES_PER_SECOND / BATCH_FIXES },
      ],
      warmUpMs: quick ? 1_000 : 3_000,
      measuredMs: quick ? 3_000 : 20_000,
    });
    const { accepted, others } = await fixture.fixCounts();
    if (accepted - before.accepted !== result.sent * BATCH_FIXES || others !== before.others) {
      throw new Error(`of ${result.sent * BATCH_FIXES} fixes the server accepted ${accepted - before.accepted}`);
    }
    const [searches, locations] = result.streams as [ScheduledStream, ScheduledStream];
    addStream(report, name, searches);
    addStream(report, `${name}.locations`, locations);
    report.add({ metric: `${name}.replyBytes`, value: replyBytes, unit: 'bytes', possible: [500, 1e5] });
    const possible = [0, 1.5] as const;
    report.add({ metric: `${name}.serverBusy`, value: result.serverShare ?? 0, unit: 'ratio', possible });
  } finally {
    await fixture.stop();
  }
}

/** Each county has a tariff. */
async function publishCounties(port: number, seed: number, report: Report): Promise<void> {
  const { body, invented } = countyLayer(seed);
  if (invented !== undefined) report.note(invented);
  const layer = JSON.parse(body.toString()) as { features: { properties: object }[] };
  for (const feature of layer.features) feature.properties = { ...feature.properties, fare: FARE };
  const response = await fetch(`http://127.0.0.1:${port}/v1/zones/counties?repair=1`, {
    method: 'PUT',
    headers: { 'content-type': 'application/geo+json' },
    body: JSON.stringify(layer),
  });
  if (!response.ok) throw new Error(`the server refused the counties: ${await response.text()}`);
}

interface Pickup {
  readonly ref: number;
  readonly drivers?: readonly { readonly eta: number; readonly tags: readonly string[] }[];
  readonly zones?: readonly string[];
  readonly fare?: { readonly amount?: number };
}

/** Looks at some answers. @returns the mean size of one, bytes @throws Error unless they are whole, and most are in a county */
async function probe(port: number, frames: PickupFrames): Promise<number> {
  const payloads = frames.payloads(200);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`);
  await once(socket, 'open');
  let bytes = 0;
  let zoned = 0;
  for (const [ref, payload] of payloads.entries()) {
    socket.send(payload);
    const [answer] = (await once(socket, 'message')) as [Buffer];
    const found = unpack(answer) as Pickup;
    const drivers = found.drivers ?? [];
    const isOrdered = drivers.every(({ eta }, i) => eta >= (drivers[i - 1]?.eta ?? 0));
    const isZoned = (found.zones ?? []).length > 0;
    const isWhole = found.ref === ref && drivers.length > KINDS.length && isOrdered;
    if (!isWhole || isZoned !== (found.fare?.amount !== undefined)) {
      throw new Error(`a wrong answer: ${JSON.stringify(found)}`);
    }
    bytes += answer.length;
    if (isZoned) zoned++;
  }
  socket.terminate();
  if (zoned < payloads.length / 4) throw new Error(`only ${zoned} of ${payloads.length} pickups are in a county`);
  return bytes / payloads.length;
}
