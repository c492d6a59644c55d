// The other thread of upload.ts: publishes two prebuilt snapshots of the counties in turn, a hundred times a second, while it is told to.

import { parentPort, workerData } from 'node:worker_threads';
import { ingestLayer } from '#dist/zones/ingest.js';
import { assemble, buildSection, NativeZoneIndex, NativeZones } from '#dist/zones/native.js';
import { countyLayer } from '../../lib/zone-layers.ts';

export interface PublisherData {
  readonly handle: number;
  readonly seed: number;
  /** 1 while snapshots are to be swapped; how many have been. */
  readonly shared: Int32Array;
}

const SWAPS_PER_SECOND = 100;

const { handle, seed, shared } = workerData as PublisherData;
const zones = new NativeZones(handle);
const { layer } = ingestLayer('counties', JSON.parse(countyLayer(seed).body.toString()), { repair: true });
const section = await buildSection(layer);
const snapshots = [2, 3].map((version) => new NativeZoneIndex(assemble(version, [section])));
parentPort?.postMessage('ready');

let dueMs = performance.now();
for (let swap = 0; ; swap++) {
  Atomics.wait(shared, 0, 0);
  zones.publish(snapshots[swap % 2] as NativeZoneIndex);
  Atomics.add(shared, 1, 1);
  dueMs = Math.max(dueMs + 1000 / SWAPS_PER_SECOND, performance.now());
  Atomics.wait(shared, 1, swap + 1, dueMs - performance.now());
}
