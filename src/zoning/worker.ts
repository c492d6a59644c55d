// The zones thread: owns the layers, and parses, checks, builds and publishes what is uploaded. A large layer takes it seconds, which no
// serving thread has.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { pino } from 'pino';
import type { Config } from '../config.ts';
import { ZoneMeters } from '../metrics/zone-meters.ts';
import { NativeZones } from '../zones/native.ts';
import { nativePublication } from '../zones/publications.ts';
import { ZoneStore } from '../zones/store.ts';
import { ZoneEditor } from './editor.ts';
import type { ToZonesThread } from './messages.ts';
import { RemotePublication } from './remote-publication.ts';

export interface ZonesWorkerData {
  readonly config: Config;
  /** Of the native zones; undefined for the portable ones, which the thread of the first port looks up in. */
  readonly handle: number | undefined;
  readonly meters: SharedArrayBuffer;
  readonly ports: readonly MessagePort[];
}

const { config, handle, meters, ports } = workerData as ZonesWorkerData;
const log = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
const zones = handle === undefined ? undefined : new NativeZones(handle);
const remote = zones === undefined ? new RemotePublication(ports[0] as MessagePort) : undefined;
const publication = zones === undefined ? (remote as RemotePublication) : nativePublication(zones);
const store = new ZoneStore(publication, 0, config.zonesTotalBytesMax);
const editor = new ZoneEditor(store, new ZoneMeters(meters), log);

for (const port of ports) {
  port.on('message', async (message: ToZonesThread) => {
    if ('prepared' in message) {
      remote?.prepared(message);
      return;
    }
    const done = await editor.run(message);
    port.postMessage(done, 'reply' in done ? [done.reply.bytes.buffer] : []);
  });
}
parentPort?.once('message', () => {
  for (const port of ports) port.close();
  zones?.close();
  parentPort?.close();
});
