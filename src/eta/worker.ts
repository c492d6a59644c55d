// The thread that learns travel times: attached to the native engine, it looks at a bounded sample of the drivers every few seconds, follows
// them and learns from their journeys into memory that serving threads read.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { giveWay, NOBODY_WAITS } from '../background.ts';
import { nowMs, useClock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { NativeEngine } from '../drivers/native.ts';
import { ETA_DRIVERS_FOLLOWED } from '../limits.ts';
import { attachEngine } from '../service/engines.ts';
import { openState } from '../storage/state.ts';
import { JourneyTracker } from './journeys.ts';
import { Learner } from './learner.ts';

export interface LearningWorkerData {
  readonly config: Config;
  readonly handle: number;
  readonly traffic: SharedArrayBuffer;
  readonly clock: SharedArrayBuffer;
  /** To the storage thread, if there is one. */
  readonly storage: MessagePort | undefined;
}

const ROUND_MS = 2_000;
/** What was learned is stored this often. */
const SAVE_MS = 60_000;
const SAVED_KEY = 'eta/learned';
const SLICE_DRIVERS = 1_024;
const NUMBERS = 7;

giveWay(NOBODY_WAITS);
const data = workerData as LearningWorkerData;
useClock(data.clock);
const engine = attachEngine(data.handle, data.config) as NativeEngine;
const learner = new Learner(data.traffic, Math.random);
const tracker = new JourneyTracker(Math.random, (journey) => learner.learn(journey));
const rows = new Float64Array(NUMBERS * SLICE_DRIVERS);
const state = data.storage === undefined ? undefined : openState(data.storage);
let isSaving = false;
let journeysSaved = 0;
let savedAt = performance.now();
let timer: NodeJS.Timeout | undefined;
let isStopped = false;

void start();

async function start(): Promise<void> {
  try {
    const saved = await state?.get(SAVED_KEY);
    if (saved !== undefined) learner.load(saved);
  } catch {
    // What cannot be read is learned anew.
  }
  if (isStopped) return;
  timer = setInterval(() => {
    watch();
    if (state !== undefined && !isSaving && performance.now() - savedAt > SAVE_MS) void save();
  }, ROUND_MS);
}

function watch(): void {
  const now = nowMs();
  // Powers of two, so that drivers that are followed stay followed when the fleet grows.
  const stride = 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(1, engine.stats().drivers) / ETA_DRIVERS_FOLLOWED)));
  let cursor = 0;
  do {
    const { count, next } = engine.sightings(cursor, stride, now, data.config.etaIdleTag, rows);
    for (let at = 0; at < NUMBERS * count; at += NUMBERS) {
      tracker.see({
        driver: rows[at] as number,
        lat: rows[at + 1] as number,
        lon: rows[at + 2] as number,
        timeMs: rows[at + 3] as number,
        heading: rows[at + 4] as number,
        speed: rows[at + 5] as number,
        isIdle: rows[at + 6] === 1,
      });
    }
    cursor = next;
  } while (cursor !== 0);
  tracker.forgetSilent(now);
}

/** A disk that is full keeps what was stored before; it is tried again. */
async function save(): Promise<void> {
  savedAt = performance.now();
  if (learner.taught === journeysSaved) return;
  isSaving = true;
  try {
    const { taught } = learner;
    await state?.write([{ key: SAVED_KEY, value: learner.save() }]);
    journeysSaved = taught;
  } catch {
    // Said by the storage thread already.
  } finally {
    isSaving = false;
  }
}

parentPort?.once('message', async () => {
  isStopped = true;
  clearInterval(timer);
  await save();
  state?.close();
  engine.close();
  parentPort?.close();
});
