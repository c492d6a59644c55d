// The demo's fleet on a thread of its own: it drives, sends each driver's fix once a second over WebSocket as any feed would, and asks
// for the nearest free driver at random places. Runs as built JavaScript only; node:worker_threads loads no TypeScript in Node 20.

import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { type ClientOptions, connect, type FixRow, type RazielClient } from '../client/index.ts';
import { Fleet } from './fleet.ts';
import type { FleetReport, FleetStart } from './messages.ts';
import { seededRandom } from './random.ts';

/** Each driver has a fix a second; ten times a second a tenth of them send, so that the load is even. */
const SLOTS = 10;
const TICK_MS = 1000 / SLOTS;
const SEARCHES_PER_TICK = 5;
/** Searches start at most this many degrees from the middle. */
const SEARCH_DEGREES = 0.025;
const BATCH_FIXES = 500;

type Counts = { -readonly [K in keyof FleetReport]: FleetReport[K] };

class FleetFeed {
  readonly #feed: RazielClient;
  readonly #dispatcher: RazielClient;
  readonly #start: FleetStart;
  #counts: Counts = emptyCounts();
  #tookMs: number[] = [];

  constructor(feed: RazielClient, dispatcher: RazielClient, start: FleetStart) {
    this.#feed = feed;
    this.#dispatcher = dispatcher;
    this.#start = start;
  }

  async run(): Promise<never> {
    const { city, drivers, seed } = this.#start;
    const fleet = new Fleet({ city, drivers, seed });
    const random = seededRandom(seed + 1);
    const startMs = performance.now();
    for (let tick = 0; ; tick += 1) {
      const slot = tick % SLOTS;
      fleet.step(slot, SLOTS);
      const fixes = fleet.fixes(Date.now(), slot, SLOTS);
      for (let at = 0; at < fixes.length; at += BATCH_FIXES) void this.#send(fixes.slice(at, at + BATCH_FIXES));
      // Half a tick later, so that what is measured is a search beside the feed and not the wait behind its own burst.
      await delay(TICK_MS / 2);
      for (let i = 0; i < SEARCHES_PER_TICK; i += 1) {
        const lat = city.lat + (random() * 2 - 1) * SEARCH_DEGREES;
        const lon = city.lon + (random() * 2 - 1) * SEARCH_DEGREES;
        void this.#search(Math.max(-90, Math.min(90, lat)), Math.max(-180, Math.min(180, lon)));
      }
      const aheadMs = startMs + (tick + 1) * TICK_MS - performance.now();
      if (slot === SLOTS - 1) this.#report(Math.max(0, -aheadMs));
      // At least a moment, behind the clock too, so that answers are read.
      await delay(Math.max(1, aheadMs));
    }
  }

  async #send(fixes: readonly FixRow[]): Promise<void> {
    this.#counts.fixes += fixes.length;
    try {
      const { accepted, rejected } = await this.#feed.locations(fixes);
      this.#counts.accepted += accepted;
      this.#counts.rejected += rejected.length;
      if (rejected[0] !== undefined) this.#counts.failure = `${rejected[0].code} ${rejected[0].message}`;
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  async #search(lat: number, lon: number): Promise<void> {
    const askedMs = performance.now();
    try {
      const { drivers } = await this.#dispatcher.nearest({ lat, lon, k: 5, tags: ['free'] });
      this.#tookMs.push(performance.now() - askedMs);
      this.#counts.searches += 1;
      const [first] = drivers;
      if (first !== undefined) this.#counts.sample = { lat, lon, id: first.id, distanceMeters: first.distance ?? 0 };
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #failed(error: Error): void {
    this.#counts.failed += 1;
    this.#counts.failure = error.message;
  }

  #report(lagMs: number): void {
    const sorted = this.#tookMs.sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] as number;
    const took = sorted.length === 0 ? {} : { searchP50Ms: at(0.5), searchP99Ms: at(0.99) };
    const report: FleetReport = { ...this.#counts, ...took, lagMs };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows; this is a thread
    parentPort?.postMessage(report);
    this.#counts = emptyCounts();
    this.#tookMs = [];
  }
}

function emptyCounts(): Counts {
  return { fixes: 0, accepted: 0, rejected: 0, failed: 0, searches: 0, lagMs: 0 };
}

const start = workerData as FleetStart;
const { token, ca } = start;
const options: ClientOptions = {
  ...(token === undefined ? {} : { token }),
  ...(ca === undefined ? {} : { ca }),
  preferWs: true,
  overflow: 'drop-oldest',
  pendingMax: 1_000,
  timeoutMs: 5_000,
};
const [feed, dispatcher] = await Promise.all([connect(start.url, options), connect(start.url, options)]);
await new FleetFeed(feed, dispatcher, start).run();
