// A serving thread of several: a worker that attaches to the engine, listens on the shared port when it is told to, and drains and
// ends when it is told to.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { AuditEntry } from './access/audit.ts';
import type { TokenRecord } from './access/tokens.ts';
import { useClock } from './clock.ts';
import type { Config } from './config.ts';
import { createServing } from './server-serving.ts';
import { attachEngine } from './service/engines.ts';
import { StorageMeters } from './metrics/storage-meters.ts';
import { ZoneMeters } from './metrics/zone-meters.ts';
import { NativeZones } from './zones/native.ts';
import { nativeLookups } from './zoning/lookups.ts';
import { RemoteZones } from './zoning/remote.ts';
import type { ThreadTracing } from './tracing/thread.ts';
import { DurableCommits } from './storage/durable-commits.ts';
import { RemoteSupply } from './supply/remote.ts';

export interface ServingThreadData {
  readonly config: Config;
  readonly shared: SharedArrayBuffer;
  readonly thread: number;
  readonly handle: number;
  readonly supplyPort: MessagePort;
  readonly tracing: ThreadTracing;
  readonly zonesHandle: number;
  readonly zonesPort: MessagePort;
  readonly zoneMeters: SharedArrayBuffer;
  /** Undefined when callers need none. */
  readonly tokens: readonly TokenRecord[] | undefined;
  /** To the storage thread, if there is one. */
  readonly storagePort: MessagePort | undefined;
  readonly storageMeters: SharedArrayBuffer;
  /** One int32: 1 once every thread listens and what was stored is loaded. */
  readonly ready: SharedArrayBuffer;
  readonly clock: SharedArrayBuffer;
  /** Of allocateIds. */
  readonly ids: SharedArrayBuffer;
  /** Of allocateTraffic. */
  readonly traffic: SharedArrayBuffer;
}

export type ToThread =
  | { readonly listen: number }
  | { readonly tokens: readonly TokenRecord[] }
  | { readonly renewTls: true }
  | { readonly drainMs: number };
export type FromThread =
  | { readonly created: true }
  | { readonly listening: boolean }
  | { readonly tokensReplaced: true }
  /** The fault; empty when there was none. */
  | { readonly tlsRenewed: string }
  | { readonly drained: true }
  // These come unasked.
  | { readonly report: string }
  | { readonly audit: AuditEntry };

const data = workerData as ServingThreadData;
useClock(data.clock);
const main = parentPort as MessagePort;
const engine = attachEngine(data.handle, data.config);
const supply = new RemoteSupply(data.supplyPort);
const zones = new NativeZones(data.zonesHandle);
const remoteZones = new RemoteZones(data.zonesPort, data.config.zonesBytesMax);
const durable = data.storagePort && new DurableCommits(data.storagePort);
const ready = new Int32Array(data.ready);
const serving = createServing({
  config: data.config,
  engine,
  shared: data.shared,
  thread: data.thread,
  ids: data.ids,
  traffic: data.traffic,
  supply: (query, ref, encoding) => supply.count(query, ref, encoding),
  tracing: data.tracing,
  zones: { lookups: nativeLookups(zones), remote: remoteZones, meters: new ZoneMeters(data.zoneMeters) },
  tokens: data.tokens,
  audit: (audit) => tell({ audit }),
  durable,
  storageMeters: new StorageMeters(data.storageMeters),
  isReady: () => Atomics.load(ready, 0) === 1,
  report: (error) => tell({ report: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
});

main.on('message', async (message: ToThread) => {
  if ('listen' in message) {
    tell({ listening: serving.listen(message.listen, true) !== undefined });
    return;
  }
  if ('tokens' in message) {
    serving.replaceTokens(message.tokens);
    tell({ tokensReplaced: true });
    return;
  }
  if ('renewTls' in message) {
    let fault = '';
    try {
      serving.renewTls();
    } catch (error) {
      fault = (error as Error).message;
    }
    tell({ tlsRenewed: fault });
    return;
  }
  await serving.drain(message.drainMs);
  serving.close();
  data.supplyPort.close();
  remoteZones.close();
  durable?.close();
  engine.close();
  zones.close();
  tell({ drained: true });
  main.close();
});
tell({ created: true });

function tell(message: FromThread): void {
  main.postMessage(message);
}
