// One serving thread, put together: the engine, the operations on it, the transport in front. The main thread is one when there is
// only one; with more, each is a worker (server-thread.ts).

import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { Audit } from './access/audit.ts';
import { Gate } from './access/gate.ts';
import { Origins } from './access/origins.ts';
import { tlsFilesOf } from './access/tls.ts';
import { type TokenRecord, Tokens } from './access/tokens.ts';
import { nowMs } from './clock.ts';
import type { Config } from './config.ts';
import type { DriverEngine, FrameAnswerer } from './drivers/engine.ts';
import { RemoteTimes } from './eta/http/remote-times.ts';
import { readEtaService } from './eta/http/service-url.ts';
import { LearnedTimes } from './eta/travel-times.ts';
import { IdGenerator } from './ids/generator.ts';
import { trimMemory } from './drivers/native.ts';
import { Deadlines } from './overload/deadlines.ts';
import { Kept, MemoryGuard } from './overload/memory-guard.ts';
import { NO_SLOW_LOG, SlowLog } from './overload/slow-log.ts';
import { sharesOf } from './overload/memory-plan.ts';
import { Counters, CounterTotals } from './metrics/counters.ts';
import { LoopDelay } from './metrics/loop-delay.ts';
import { etaObserver } from './metrics/eta-metrics.ts';
import { createMetrics } from './metrics/prometheus.ts';
import { Reply } from './service/reply.ts';
import { type NearestEta, Service, type SupplyCounter } from './service/service.ts';
import type { DurableCommits } from './storage/durable-commits.ts';
import type { StorageMeters } from './metrics/storage-meters.ts';
import type { ZoneMeters } from './metrics/zone-meters.ts';
import type { ZoneLookups } from './zoning/lookups.ts';
import type { RemoteZones } from './zoning/remote.ts';
import { Services } from './services/services.ts';
import { SpanRing } from './tracing/ring.ts';
import { registerTracing } from './tracing/endpoints.ts';
import { RemoteTraces } from './tracing/remote.ts';
import type { ThreadTracing } from './tracing/thread.ts';
import { Strings } from './tracing/strings.ts';
import { Tracer } from './tracing/tracer.ts';
import { ServingApp } from './transport/app.ts';
import { HotFrames } from './transport/hot-frames.ts';
import { RequestTraces } from './transport/request-traces.ts';
import { ZoneTasks } from './zoning/tasks.ts';
import { EndpointStats } from './metrics/endpoint-stats.ts';
import { TurnQueue } from './transport/turn-queue.ts';
import { Turns } from './transport/turns.ts';

export interface ServingOptions {
  readonly config: Config;
  readonly engine: DriverEngine & Partial<FrameAnswerer>;
  /** The block of allocateCounters. */
  readonly shared: SharedArrayBuffer;
  /** The row of the block that is this thread's. */
  readonly thread: number;
  readonly supply: SupplyCounter;
  /** The block of allocateIds. */
  readonly ids: SharedArrayBuffer;
  readonly tracing: ThreadTracing;
  /** The block of allocateTraffic. */
  readonly traffic: SharedArrayBuffer;
  readonly zones: { readonly lookups: ZoneLookups; readonly remote: RemoteZones; readonly meters: ZoneMeters };
  /** Undefined when callers need none. */
  readonly tokens: readonly TokenRecord[] | undefined;
  readonly audit: Audit;
  /** Where `ack: "durable"` waits; undefined for a server that keeps nothing. */
  readonly durable: DurableCommits | undefined;
  readonly storageMeters: StorageMeters;
  readonly isReady: () => boolean;
  readonly report: (error: unknown) => void;
}

export interface Serving {
  /** The port listened on, or undefined when the address cannot be had. */
  listen(port: number, shared: boolean): number | undefined;
  /** From now on these are the tokens; WebSockets whose token is not among them are closed. */
  replaceTokens(records: readonly TokenRecord[]): void;
  /** As ServingApp.renewTls. */
  renewTls(): void;
  /** Stops listening, answers what is in flight, closes every connection; at the latest after `ms`. */
  drain(ms: number): Promise<void>;
  close(): void;
}

export function createServing(options: ServingOptions): Serving {
  const { config, engine, shared, thread, zones, tracing } = options;
  const counters = new Counters(shared, thread);
  const totals = new CounterTotals(shared);
  const loopDelay = new LoopDelay(counters);
  const guard = new MemoryGuard(counters, totals, {
    maxBytes: config.maxMemory,
    keptBytesMax: sharesOf(config).keptBytesMax,
    isFirst: thread === 0,
    trim: trimMemory,
  });
  const deadlines = new Deadlines();
  let isDraining = false;
  engine.useZones(zones.lookups.source);
  const ids = new IdGenerator(options.ids, config.machine, config.idEpoch, nowMs);
  const tracer = new Tracer(new SpanRing(tracing.shared.ring), new Strings(tracing.shared.strings), {
    rate: config.traceRate,
    slowMs: config.traceSlowMs,
    nextId: () => ids.tryNext() ?? randomId(),
  });
  const services = new Services(tracer, new EndpointStats(tracing.shared.stats));
  const eta = etaOf(options, counters, services);
  const service = new Service(
    engine,
    new Reply(),
    { batchFixesMax: config.batchFixesMax },
    options.supply,
    (result) => counters.fixes(result.accepted, result.stale, result.duplicate, result.rejected.length),
    zones.lookups,
    ids,
    services,
    eta,
  );
  const zoneTasks = new ZoneTasks(zones.remote, services);
  const remoteTraces = new RemoteTraces(tracing.port);
  registerTracing(services, remoteTraces);
  // The last of them: what is registered later is not listed.
  remoteTraces.tellEndpoints(services.describe());
  const tokens = options.tokens === undefined ? undefined : new Tokens(options.tokens);
  const { host, allowHost, allowOrigin } = config;
  const origins = new Origins({ host, allowHost, allowOrigin, hasTokens: tokens !== undefined });
  const webSocketTraces = new RequestTraces(tracer, 'websocket');
  const slow = slowLogOf(config, thread);
  const hot = canAnswerFrames(engine)
    ? new HotFrames({ answerer: engine, service, counters, webSocketTraces, slow })
    : undefined;
  const app = new ServingApp({
    tls: tlsFilesOf(config),
    gate: new Gate(origins, tokens),
    audit: options.audit,
    service,
    counters,
    webSocketTraces,
    httpTraces: new RequestTraces(tracer, 'http'),
    hot,
    limits: {
      frameBytesMax: config.frameBytesMax,
      inFlightMax: config.inFlightMax,
      heldBytesMax: config.heldBytesMax,
    },
    bodyBytesMax: config.frameBytesMax,
    zones: zoneTasks,
    connectionsMax: config.connectionsMax,
    connectionsOpen: () => totals.single('webSockets') + totals.single('httpConnections'),
    turns: new Turns(),
    turnQueue: new TurnQueue(() => hot?.flush()),
    memory: guard,
    slow,
    bodies: new Kept(counters, guard, 'bodyBytes'),
    unsent: new Kept(counters, guard, 'unsentBytes'),
    deadlines,
    bodySeconds: config.bodySeconds,
    isDraining: () => isDraining,
    isReady: options.isReady,
    durable: options.durable,
    storageMeters: options.storageMeters,
    metrics: createMetrics(totals, engine, zones.meters, tracing, config.maxMemory, options.storageMeters),
    report: options.report,
  });
  guard.onCritical = () => app.relieve();
  return {
    listen: (port, isShared) => app.listen(config.host, port, isShared),
    replaceTokens(records) {
      tokens?.replace(records);
      app.closeRevoked();
    },
    renewTls: () => app.renewTls(),
    async drain(ms) {
      isDraining = true;
      app.stopListening();
      const deadline = performance.now() + ms;
      await app.drain(deadline);
      if (eta.times instanceof RemoteTimes) {
        // What still waits is answered before the engine is gone.
        eta.times.close();
        await nextTurn();
      }
      await Promise.race([
        zones.remote.whenIdle(),
        sleep(Math.max(0, deadline - performance.now()), undefined, { ref: false }),
      ]);
    },
    close() {
      loopDelay.stop();
      remoteTraces.close();
      guard.stop();
      deadlines.stop();
      app.close();
    },
  };
}

function etaOf({ config, traffic, report }: ServingOptions, counters: Counters, services: Services): NearestEta {
  const learned = new LearnedTimes(traffic);
  const overfetch = config.etaOverfetch;
  const service = readEtaService(config.eta) ?? 'learned';
  if (service === 'learned') return { learned, times: learned, overfetch };
  const options = {
    service,
    learned,
    deadlineMs: config.etaDeadlineMs,
    connectionsMax: config.etaConnections,
    observer: etaObserver(counters),
    report,
  };
  return { learned, times: new RemoteTimes(options, services), overfetch };
}

/** For a trace while ids are refused. */
function randomId(): bigint {
  return randomBytes(8).readBigUInt64BE() | 1n;
}

/** Its lines go to standard error without waiting for whoever reads that. */
function canAnswerFrames(engine: DriverEngine & Partial<FrameAnswerer>): engine is DriverEngine & FrameAnswerer {
  return engine.answerFrame !== undefined;
}

function slowLogOf({ slowQueryMs, logLevel }: Config, thread: number): SlowLog {
  if (slowQueryMs === 0) return NO_SLOW_LOG;
  const log = pino({ level: logLevel }, pino.destination({ dest: 2, sync: false }));
  return new SlowLog(slowQueryMs, (entry) => log.warn({ ...entry, thread }, 'slow request'));
}
