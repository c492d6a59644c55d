// The supply thread: attached to the native engine, it scans all drivers for each job and answers with the encoded cells. H3 costs a
// microsecond a driver or more, which no serving thread has.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { giveWay, SOMEBODY_WAITS } from '../background.ts';
import { nowMs, useClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { RazielError } from '../errors.ts';
import { attachEngine, type ServingEngine } from '../service/engines.ts';
import { encodeSupply } from './answers.ts';
import type { SupplyDone, SupplyJob } from './messages.ts';
import { SupplyTally } from './tally.ts';

/** Drivers in a slice of the scan, for which the engine keeps what it frees. */
const SLICE_DRIVERS = 4_096;

export interface SupplyWorkerData {
  readonly config: Config;
  readonly handle: number;
  readonly ports: readonly MessagePort[];
  readonly clock: SharedArrayBuffer;
}

giveWay(SOMEBODY_WAITS);
const { config, handle, ports, clock } = workerData as SupplyWorkerData;
useClock(clock);
const engine = attachEngine(handle, config);
for (const port of ports) {
  port.on('message', (job: SupplyJob) => {
    const done = run(engine, job);
    port.postMessage(done, 'bytes' in done ? [done.bytes.buffer] : []);
  });
}
parentPort?.once('message', () => {
  for (const port of ports) port.close();
  engine.close();
  parentPort?.close();
});

function run(source: ServingEngine, { job, query, ref, encoding }: SupplyJob): SupplyDone {
  try {
    const tally = new SupplyTally(query);
    const startedMs = nowMs();
    let cursor = 0;
    do {
      cursor = source.scan(cursor, SLICE_DRIVERS, startedMs, (driver) => tally.add(driver));
    } while (cursor !== 0);
    // A copy that is nothing but the answer, so that it can be handed over rather than cloned.
    return { job, bytes: new Uint8Array(encodeSupply(tally, query, ref, encoding)) };
  } catch (error) {
    if (error instanceof RazielError) return { job, code: error.code, message: error.message };
    return { job, code: 'INTERNAL', message: 'internal error' };
  }
}
