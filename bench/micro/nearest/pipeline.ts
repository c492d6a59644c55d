// How long nearest-driver.search takes in-process: zones, a search for each of three groups, thirty travel times, ranked and encoded. Each call is
// timed by itself. Runs as a task of its own process: {drivers, seed, queries, rounds} → microseconds.

import { pack } from 'msgpackr';
import type { NearestQuery } from '#dist/drivers/engine.js';
import type { NativeEngine } from '#dist/drivers/native.js';
import { Learner } from '#dist/eta/learner.js';
import { allocateTraffic } from '#dist/eta/traffic.js';
import { LearnedTimes } from '#dist/eta/travel-times.js';
import { EndpointStats } from '#dist/metrics/endpoint-stats.js';
import { NearestDrivers } from '#dist/nearest/search.js';
import { Reply } from '#dist/service/reply.js';
import { Services } from '#dist/services/services.js';
import { SpanRing } from '#dist/tracing/ring.js';
import { Strings } from '#dist/tracing/strings.js';
import { Tracer } from '#dist/tracing/tracer.js';
import { ingestLayer } from '#dist/zones/ingest.js';
import { assemble, buildSection, NativeZoneIndex, NativeZones } from '#dist/zones/native.js';
import { nativeLookups } from '#dist/zoning/lookups.js';
import { seededRandom } from '#dist/demo/random.js';
import { answerTask } from '../../lib/processes.ts';
import { median, percentile } from '../../lib/statistics.ts';
import { countyLayer } from '../../lib/zone-layers.ts';
import { World } from '../../lib/world.ts';
import { openEngine } from '../drivers/setup.ts';

export interface PipelineTask {
  readonly drivers: number;
  readonly seed: number;
  readonly queries: number;
  readonly rounds: number;
}

export interface PipelineResult {
  readonly p50: number;
  readonly p99: number;
  readonly replyBytes: number;
}

const K = 10;
/** A driver carries one of these. */
const KINDS = ['economy', 'xl', 'van'];
const BATCH_FIXES = 1_000;
const LESSONS = 20_000;

await answerTask(async ({ drivers, seed, queries, rounds }: PipelineTask): Promise<PipelineResult> => {
  const world = new World(drivers, seed);
  const engine = openEngine();
  load(engine, world);
  const zones = new NativeZones();
  const { layer } = ingestLayer('counties', JSON.parse(countyLayer(seed).body.toString()), { repair: true });
  zones.publish(new NativeZoneIndex(assemble(1, [await buildSection(layer)])));
  engine.useZones({ handle: zones.handle, shape: () => undefined });
  const random = seededRandom(seed);
  const traffic = allocateTraffic();
  teach(new Learner(traffic, random), world, random);
  const learned = new LearnedTimes(traffic);
  let id = 1n;
  const tracer = new Tracer(new SpanRing(), new Strings(), { rate: 0.01, slowMs: 100, nextId: () => id++ });
  const services = new Services(tracer, new EndpointStats());
  const reply = new Reply();
  // Each search finds ten, and all thirty are ranked and answered.
  const options = { engine, zones: nativeLookups(zones), reply, learned, times: learned, overfetch: 1 };
  const nearest = new NearestDrivers(options, services, () => {
    throw new Error('nobody calls it by its name');
  });
  const from = tracer.name('bench');
  const asked: NearestQuery[] = Array.from({ length: queries }, () => {
    const [lat, lon] = world.placeToAsk();
    const ranking = { rank: 'eta', policy: true, fare: false, to: undefined, k: K, radiusMeters: undefined } as const;
    const groups = KINDS.map((kind) => [kind]);
    return { kind: 'nearest', lat, lon, k: K, radiusMeters: 5_000, ranking: { ...ranking, groups } };
  });
  let bytes = 0;
  const once = (query: NearestQuery): void => {
    const root = tracer.begin(from, undefined);
    const answer = nearest.search(query, root, 1);
    tracer.end(root);
    if (answer instanceof Promise || answer.kind !== 'packed') throw new Error('a search was not answered at once');
    bytes += answer.length;
  };
  for (const query of asked) once(query);
  // An answer of thirty drivers is some 4 KB; in a thin place there are fewer.
  if (bytes / queries < 2_000)
    throw new Error(`answers have ${bytes / queries} bytes on average: too few drivers were found`);
  bytes = 0;
  const micros = new Float64Array(asked.length);
  const p50s: number[] = [];
  const p99s: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [i, query] of asked.entries()) {
      const startedAt = performance.now();
      once(query);
      micros[i] = (performance.now() - startedAt) * 1000;
    }
    micros.sort();
    p50s.push(percentile(micros, 0.5));
    p99s.push(percentile(micros, 0.99));
  }
  zones.close();
  engine.close();
  return { p50: median(p50s), p99: median(p99s), replyBytes: bytes / (queries * rounds) };
});

/** Every driver where the world has it, by the wall clock, which the pipeline asks. */
function load(engine: NativeEngine, world: World): void {
  const timeMs = Date.now();
  for (let from = 0; from < world.drivers; from += BATCH_FIXES) {
    const rows = Array.from({ length: Math.min(BATCH_FIXES, world.drivers - from) }, (_, i) => {
      const driver = from + i;
      const { lat, lon, heading, speed } = world;
      return [
        `driver:${driver}`,
        lat[driver],
        lon[driver],
        timeMs,
        heading[driver],
        speed[driver],
        null,
        [KINDS[driver % 3]],
      ];
    });
    const { accepted } = engine.apply(pack(rows), timeMs, BATCH_FIXES);
    if (accepted !== rows.length) throw new Error(`${accepted} of ${rows.length} fixes were accepted`);
  }
}

/** Journeys of some kilometres from where drivers are, so that their cells are known. */
function teach(learner: Learner, world: World, random: () => number): void {
  for (let i = 0; i < LESSONS; i++) {
    const [lat, lon] = world.placeToAsk();
    const journey = { fromLat: lat, fromLon: lon, toLat: lat + 0.01, toLon: lon, distance: 1_112 };
    learner.learn({
      ...journey,
      seconds: 120 + 120 * random(),
      timeMs: Date.now(),
      heading: 0,
      speed: 10,
      passes: false,
    });
  }
}
