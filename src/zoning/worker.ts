// The zones thread: owns the layers, and parses, checks, builds and publishes what is uploaded. A large layer takes it seconds, which no
// serving thread has.

import { type MessagePort, parentPort, resourceLimits, workerData } from 'node:worker_threads';
import { pino } from 'pino';
import { giveWay, SOMEBODY_WAITS } from '../background.ts';
import type { Config } from '../config.ts';
import { ZoneMeters } from '../metrics/zone-meters.ts';
import { collectGarbage } from '../overload/memory-guard.ts';
import { openState } from '../storage/state.ts';
import { NativeZones } from '../zones/native.ts';
import { nativePublication } from '../zones/native-publication.ts';
import { ZoneStore } from '../zones/store.ts';
import { StateArchive } from './archive.ts';
import { ZoneEditor } from './editor.ts';
import type { ToZonesThread } from './messages.ts';
import { RemotePublication } from './remote-publication.ts';

export interface ZonesWorkerData {
  readonly config: Config;
  /** Of the native zones; undefined for the portable ones, which the thread of the first port looks up in. */
  readonly handle: number | undefined;
  readonly meters: SharedArrayBuffer;
  readonly ports: readonly MessagePort[];
  /** To the storage thread, where layers outlive the server. */
  readonly storage: MessagePort | undefined;
}

/** Once: whether the layers of before are published. */
export type FromZonesWorker = { readonly restored: number } | { readonly failed: string };

const { config, handle, meters, ports, storage } = workerData as ZonesWorkerData;
const log = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
const zones = handle === undefined ? undefined : new NativeZones(handle);
const remote = zones === undefined ? new RemotePublication(ports[0] as MessagePort) : undefined;
const publication = zones === undefined ? (remote as RemotePublication) : nativePublication(zones);
const state = openState(storage);
const store = new ZoneStore(publication, {
  archive: storage === undefined ? undefined : new StateArchive(state),
  totalBytesMax: config.zonesTotalBytesMax,
  heapBytes: (resourceLimits.maxOldGenerationSizeMb ?? Number.POSITIVE_INFINITY) * 2 ** 20,
});
const editor = new ZoneEditor(store, new ZoneMeters(meters), log);

for (const port of ports) {
  port.on('message', async (message: ToZonesThread) => {
    if ('prepared' in message) {
      remote?.prepared(message);
      return;
    }
    const done = await editor.run(message);
    // What an upload was parsed to is garbage now, which nothing else would collect for long: this thread has nothing more to do.
    if (config.maxMemory > 0 && message.task.kind === 'put') collectGarbage();
    port.postMessage(done, 'reply' in done ? [done.reply.bytes.buffer] : []);
  });
}
parentPort?.once('message', () => {
  state.close();
  for (const port of ports) port.close();
  zones?.close();
  parentPort?.close();
});

try {
  await store.restore();
  // Until then the server waits.
  giveWay(SOMEBODY_WAITS);
  editor.noteLayers();
  parentPort?.postMessage({ restored: store.list().length } satisfies FromZonesWorker);
} catch (error) {
  parentPort?.postMessage({ failed: (error as Error).message } satisfies FromZonesWorker);
}
