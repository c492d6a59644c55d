// The composition root: an engine, its serving threads and what keeps them in order.
//
//   const server = await startServer(readConfig({ port: 0 }));
//   … server.port …
//   await server.stop();

import type { MessagePort } from 'node:worker_threads';
import { type Logger, pino } from 'pino';
import type { Audit } from './access/audit.ts';
import { LiveTokens } from './access/live-tokens.ts';
import { isLoopback } from './access/addresses.ts';
import { LiveTls } from './access/live-tls.ts';
import { tlsFilesOf } from './access/tls.ts';
import type { TokenRecord } from './access/tokens.ts';
import { keepClock, nowMs } from './clock.ts';
import type { Config } from './config.ts';
import { type Learning, startLearning } from './eta/learning.ts';
import { allocateIds, IdGenerator } from './ids/generator.ts';
import { type IdReservation, reserveIds } from './ids/reservation.ts';
import { allocateCounters } from './metrics/counters.ts';
import { createServing } from './server-serving.ts';
import type { PortableDriverEngine } from './drivers/portable.ts';
import { StorageMeters } from './metrics/storage-meters.ts';
import { ZoneMeters } from './metrics/zone-meters.ts';
import {
  type HelperThread,
  type ServingThreads,
  startServingThreads,
  startSupplyThread,
  startZonesThread,
  type ZonesThread,
} from './server-threads.ts';
import { planMemory } from './overload/memory-plan.ts';
import { type ChosenEngine, chooseEngine, kindOfEngine } from './service/engines.ts';
import type { SupplyCounter } from './service/service.ts';
import { RemoteSupply } from './supply/remote.ts';
import { startTracingThread, type ThreadTracing, type TracingThread } from './tracing/thread.ts';
import { NativeZones } from './zones/native.ts';
import { nativeLookups } from './zoning/lookups.ts';
import type { PortableLookups } from './zoning/portable-lookups.ts';
import { RemoteZones } from './zoning/remote.ts';
import { openState } from './storage/state.ts';
import { DurableCommits } from './storage/durable-commits.ts';
import { startStorageThread, type StorageThread } from './storage/thread.ts';
import { lockPort } from './transport/port-lock.ts';

const SWEEP_MS = 50;

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** Whether it speaks TLS: https and wss. */
  readonly isTls: boolean;
  /** Which engine serves, with how many threads. */
  readonly engine: 'native' | 'portable' | 'oracle';
  readonly threads: number;
  /** Resolves when the server has stopped; rejects when a thread of it failed. */
  readonly done: Promise<void>;
  /** Whether there is anything that `reload` reads: tokens or a certificate. */
  readonly reloads: boolean;
  /** Reads the file of tokens again. Connections stay, but for those of tokens that are gone. A bad file changes nothing; the log says so. */
  reload(): Promise<void>;
  /** Takes no more connections, answers what is in flight, closes everything; a second call waits for the first. */
  stop(): Promise<void>;
}

/** @throws Error that says in one sentence why the server cannot start */
export async function startServer(asked: Config): Promise<RunningServer> {
  const log = pino({ level: asked.logLevel }, pino.destination(2));
  const kind = kindOfEngine(asked);
  const threads = kind === 'portable' ? 1 : asked.threads;
  const { config, lowered } = planMemory(asked, threads, kind);
  const audit: Audit = (entry) => log.info({ audit: true, ...entry }, 'audit');
  const tokens = config.auth === undefined ? undefined : await LiveTokens.load(config.auth, log);
  const access: Access = { tokens: tokens?.records, audit };
  const tlsFiles = tlsFilesOf(config);
  const tls = tlsFiles === undefined ? undefined : await LiveTls.check(tlsFiles, log);
  if (tls === undefined && tokens !== undefined && !isLoopback(config.host)) log.warn(CLEAR_TOKENS);
  const chosen = await chooseEngine(config);
  const { engine, handle } = chosen;
  log.info(`engine ${engine.kind}: ${chosen.reason}`);
  if (threads < asked.threads) log.warn(`the ${engine.kind} engine has one thread; ${asked.threads} were asked for`);
  if (lowered.length > 0) log.warn(`to fit into ${config.maxMemory} bytes of memory: ${lowered.join(', ')}`);

  const clock = keepClock((level, message) => log[level](message));
  const ids = allocateIds();

  const failure = deferred();
  const onFailure = (error: Error): void => {
    log.fatal(error);
    failure.reject(error);
  };

  const meters = new StorageMeters();
  let storage: StorageThread | undefined;
  let reservation: IdReservation | undefined;
  let learning: Learning | undefined;
  let front: Front | undefined;
  try {
    storage = await startStorageThread(config, handle ?? (engine as PortableDriverEngine).journal, meters, onFailure);
    log.info(storage === undefined ? 'keeping everything in memory' : `data directory ${config.data} is open`);
    if (storage !== undefined) {
      const generator = new IdGenerator(ids, config.machine, config.idEpoch, nowMs);
      reservation = await reserveIds(generator, openState(storage.connect()), (level, message) => log[level](message));
    }
    learning = startLearning(config, handle, storage?.connect(), onFailure);
    const ready = new SharedArrayBuffer(4);
    const context: FrontContext = {
      config,
      log,
      onFailure,
      storage,
      storageMeters: meters,
      ids,
      learning,
      access,
      ready,
    };
    front = await (threads === 1 ? startOne(context, chosen) : startSeveral(context, handle as number, threads));
    const [layers] = await Promise.all([front.restored, storage?.loaded]);
    if (layers > 0) log.info(`${layers} layer${layers === 1 ? '' : 's'} of zones loaded`);
    Atomics.store(new Int32Array(ready), 0, 1);
  } catch (error) {
    await front?.stop(0);
    await reservation?.stop();
    await learning?.stop();
    await storage?.stop();
    clock.stop();
    engine.close();
    throw error;
  }
  const served = front;
  const sweeper = setInterval(() => engine.sweep(nowMs()), SWEEP_MS);
  const { port } = served;
  log.info(`listening on ${config.host}:${port} with ${threads} serving thread${threads === 1 ? '' : 's'}`);

  const finished = deferred();
  let stopped: Promise<void> | undefined;
  return {
    host: config.host,
    port,
    isTls: tls !== undefined,
    engine: engine.kind,
    threads,
    done: Promise.race([finished.promise, failure.promise]),
    reloads: tokens !== undefined || tls !== undefined,
    async reload() {
      if (stopped !== undefined) return;
      if (tokens === undefined && tls === undefined) log.info('nothing to reload: neither --auth nor --tls-cert');
      await tokens?.reload((records) => served.replaceTokens(records), audit);
      await tls?.renew(() => served.renewTls(), audit);
    },
    stop() {
      stopped ??= (async () => {
        log.info('stopping: no new connections, answering what is in flight');
        await served.stop(config.drainSeconds * 1000);
        clearInterval(sweeper);
        await reservation?.stop();
        await learning?.stop();
        await storage?.stop();
        clock.stop();
        engine.close();
        log.info('stopped');
        finished.resolve();
      })();
      return stopped;
    },
  };
}

const CLEAR_TOKENS =
  'tokens can be read by whoever sees the network: use --tls-cert, or a proxy in front that speaks TLS';

/** A promise that nobody needs to wait for, and its ends. */
function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let ends: { resolve: () => void; reject: (error: Error) => void } | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    ends = { resolve, reject };
  });
  promise.catch(() => {});
  return { promise, ...(ends as NonNullable<typeof ends>) };
}

/** Who is let in, and where it is written down what they change. */
interface Access {
  readonly tokens: readonly TokenRecord[] | undefined;
  readonly audit: Audit;
}

/** What listens. */
interface Front {
  readonly port: number;
  /** Resolves to how many layers of zones were loaded. */
  readonly restored: Promise<number>;
  replaceTokens(records: readonly TokenRecord[]): Promise<void>;
  renewTls(): Promise<void>;
  stop(drainMs: number): Promise<void>;
}

interface FrontContext {
  readonly config: Config;
  readonly access: Access;
  readonly log: Logger;
  readonly onFailure: (error: Error) => void;
  readonly storage: StorageThread | undefined;
  readonly storageMeters: StorageMeters;
  /** Of allocateIds. */
  readonly ids: SharedArrayBuffer;
  readonly learning: Learning;
  /** One int32: 1 once what was stored is loaded. */
  readonly ready: SharedArrayBuffer;
}

/** This thread serves. */
async function startOne(context: FrontContext, { engine, handle }: ChosenEngine): Promise<Front> {
  const { config, log, onFailure, storage, storageMeters } = context;
  const ready = new Int32Array(context.ready);
  const supplyThread = handle === undefined ? undefined : startSupplyThread(config, handle, 1, onFailure);
  const nativeZones = handle === undefined ? undefined : new NativeZones();
  const meters = new ZoneMeters();
  const zonesThread = startZonesThread(config, nativeZones?.handle, meters.shared, 1, storage?.connect(), onFailure);
  const portableZones = nativeZones === undefined ? await openPortableLookups() : undefined;
  const remote = new RemoteZones(zonesThread.ports[0] as MessagePort, config.zonesBytesMax, portableZones);
  const lookups = nativeZones === undefined ? (portableZones as PortableLookups) : nativeLookups(nativeZones);
  const durable = storage && new DurableCommits(storage.connect());
  const counters = allocateCounters(1);
  const tracing = startTracingThread(config, counters, 1, onFailure);
  const stopHelpers = async (): Promise<void> => {
    durable?.close();
    await Promise.all([supplyThread?.stop(), zonesThread.stop(), tracing.stop()]);
    nativeZones?.close();
  };
  const serving = createServing({
    config,
    engine,
    shared: counters,
    thread: 0,
    ids: context.ids,
    traffic: context.learning.traffic,
    supply: await supplyOf(supplyThread, engine),
    tracing: tracing.threads[0] as ThreadTracing,
    zones: { lookups, remote, meters },
    ...context.access,
    durable,
    storageMeters,
    isReady: () => Atomics.load(ready, 0) === 1,
    report: (error) => log.error(error),
  });
  // For a moment a renewed certificate listens beside the old one, so that its port is shared, as several threads share theirs.
  const isShared = tlsFilesOf(config) !== undefined;
  const lock = isShared ? await lockPort(config.host, config.port) : undefined;
  const port = isShared && lock === undefined ? undefined : serving.listen(lock?.port ?? config.port, isShared);
  if (port === undefined) {
    serving.close();
    lock?.release();
    await stopHelpers();
    throw cannotListen(config);
  }
  return {
    port,
    restored: tracing.started.then(() => zonesThread.restored),
    async replaceTokens(records) {
      serving.replaceTokens(records);
    },
    async renewTls() {
      serving.renewTls();
    },
    async stop(drainMs) {
      await serving.drain(drainMs);
      serving.close();
      lock?.release();
      await stopHelpers();
    },
  };
}

async function openPortableLookups(): Promise<PortableLookups> {
  const { PortableLookups } = await import('./zoning/portable-lookups.ts');
  return new PortableLookups();
}

async function supplyOf(thread: HelperThread | undefined, engine: ChosenEngine['engine']): Promise<SupplyCounter> {
  const [port] = thread?.ports ?? [];
  const supply =
    port === undefined ? new (await import('./supply/slices.ts')).SlicedSupply(engine) : new RemoteSupply(port);
  return (query, ref, encoding) => supply.count(query, ref, encoding);
}

/** Workers serve, each with a listening socket of its own on one port; this thread starts, sweeps and stops. */
async function startSeveral(context: FrontContext, handle: number, threads: number): Promise<Front> {
  const { config, log, onFailure, storage, ready } = context;
  const lock = await lockPort(config.host, config.port);
  if (lock === undefined) throw cannotListen(config);
  const zones = new NativeZones();
  const meters = new ZoneMeters();
  let supplyThread: HelperThread | undefined;
  let zonesThread: ZonesThread | undefined;
  let tracing: TracingThread | undefined;
  let serving: ServingThreads | undefined;
  const stop = async (drainMs: number): Promise<void> => {
    await serving?.drain(drainMs);
    await Promise.all([supplyThread?.stop(), zonesThread?.stop(), tracing?.stop()]);
    zones.close();
    lock.release();
  };
  try {
    supplyThread = startSupplyThread(config, handle, threads, onFailure);
    zonesThread = startZonesThread(config, zones.handle, meters.shared, threads, storage?.connect(), onFailure);
    const ofZones = { handle: zones.handle, ports: zonesThread.ports, meters: meters.shared };
    const counters = allocateCounters(threads);
    const report = (text: string): void => log.error(text);
    tracing = startTracingThread(config, counters, threads, onFailure);
    serving = await startServingThreads(
      config,
      handle,
      counters,
      supplyThread.ports,
      tracing.threads,
      ofZones,
      { ports: Array.from({ length: threads }, () => storage?.connect()), meters: context.storageMeters.shared },
      ready,
      context.ids,
      context.learning.traffic,
      context.access,
      report,
      onFailure,
    );
    if (!(await serving.listen(lock.port))) throw cannotListen(config);
    const { replaceTokens, renewTls } = serving;
    const { restored } = zonesThread;
    return { port: lock.port, restored: tracing.started.then(() => restored), replaceTokens, renewTls, stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

function cannotListen({ host, port }: Config): Error {
  return new Error(
    `cannot listen on ${host}:${port}: another server has the port, or the address is not this machine's`,
  );
}
