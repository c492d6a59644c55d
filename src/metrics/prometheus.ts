// /metrics: the counters of all threads, the engine's figures and the process's, in Prometheus' text format, whichever thread is asked.

import { type Metric, Registry } from 'prom-client';
import { nowMs } from '../clock.ts';
import type { DriverEngine } from '../drivers/engine.ts';
import {
  BUCKET_MICROS,
  COUNTED_OPS,
  type CounterTotals,
  ERROR_CODES,
  FIX_OUTCOMES,
  type Single,
  TRANSPORTS,
} from './counters.ts';
import { registerEta } from './eta-metrics.ts';
import { counter, gauge, histogram } from './families.ts';
import { registerTracing, type TracingCounts } from './tracing-metrics.ts';
import { registerMemory } from './memory.ts';
import { registerStorage } from './prometheus-storage.ts';
import type { StorageMeters } from './storage-meters.ts';
import { UPLOAD_OUTCOMES, ZONE_STAGES, type ZoneMeters } from './zone-meters.ts';

/** Names of UPLOAD_OUTCOMES as labels have them. */
const OUTCOME_LABELS = {
  published: 'published',
  dryRun: 'dry_run',
  refused: 'refused',
  conflict: 'conflict',
  failed: 'failed',
};

export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

export function createMetrics(
  totals: CounterTotals,
  engine: DriverEngine,
  zones: ZoneMeters,
  tracing: TracingCounts,
  maxMemoryBytes: number,
  storage: StorageMeters,
): () => Promise<MetricsText> {
  const registry = new Registry();
  registerRequests(registry, totals);
  registerConnections(registry, totals);
  registerEngine(registry, engine);
  registerZones(registry, zones);
  registerTracing(registry, tracing);
  registerStorage(registry, storage);
  registerEta(registry, totals);
  registerProcess(registry, totals);
  registerMemory(registry, totals, maxMemoryBytes);
  return async () => ({ contentType: registry.contentType, text: await registry.metrics() });
}

function registerRequests(registry: Registry, totals: CounterTotals): void {
  counter(
    registry,
    'raziel_requests_total',
    'Requests answered, by operation and transport.',
    ['op', 'transport'],
    (metric) => {
      for (const op of COUNTED_OPS) {
        for (const transport of TRANSPORTS) metric.inc({ op, transport }, totals.requests(op, transport));
      }
    },
  );
  counter(registry, 'raziel_errors_total', 'Requests refused, by code.', ['code'], (metric) => {
    for (const code of ERROR_CODES) metric.inc({ code }, totals.errors(code));
  });
  counter(registry, 'raziel_fixes_total', 'Fixes received, by what became of them.', ['outcome'], (metric) => {
    for (const outcome of FIX_OUTCOMES) metric.inc({ outcome }, totals.fixes(outcome));
  });
  registry.registerMetric(latencyHistogram(totals));
}

/** Of all operations. */
function latencyHistogram(totals: CounterTotals): Metric {
  return histogram(
    'raziel_request_duration_seconds',
    'Time from a request to its answer on the server, by operation.',
    BUCKET_MICROS.map((micros) => micros / 1e6),
    () => COUNTED_OPS.map((op) => ({ labels: { op }, buckets: totals.buckets(op), sum: totals.micros(op) / 1e6 })),
  );
}

function registerConnections(registry: Registry, totals: CounterTotals): void {
  const gauges: readonly (readonly [string, string, Single])[] = [
    ['raziel_http_connections', 'HTTP connections open.', 'httpConnections'],
    ['raziel_websocket_connections', 'WebSocket connections open.', 'webSockets'],
    ['raziel_held_requests', 'Requests that wait on their connections.', 'heldRequests'],
    ['raziel_held_bytes', 'Bytes of requests that wait on their connections.', 'heldBytes'],
    ['raziel_body_bytes', "Bytes of requests' bodies that are arriving or being worked on.", 'bodyBytes'],
    ['raziel_unsent_bytes', 'Bytes of answers that their clients have not taken yet.', 'unsentBytes'],
  ];
  for (const [name, help, single] of gauges) {
    gauge(registry, name, help, [], (metric) => metric.set(totals.single(single)));
  }
  const counts: readonly (readonly [string, string, Single])[] = [
    ['raziel_websocket_connections_opened_total', 'WebSocket connections opened.', 'webSocketsOpened'],
    ['raziel_connections_refused_total', 'Connections refused past the limit.', 'refusedConnections'],
    ['raziel_held_requests_total', 'Requests that had to wait on their connections.', 'heldTotal'],
    [
      'raziel_overloaded_requests_total',
      'Requests refused because too many were in flight on their connection.',
      'overloaded',
    ],
    ['raziel_shed_requests_total', 'Requests refused because the server was short of memory.', 'shed'],
    ['raziel_http_aborted_total', 'HTTP requests whose client went away before the answer.', 'abortedRequests'],
  ];
  for (const [name, help, single] of counts) {
    counter(registry, name, help, [], (metric) => metric.inc(totals.single(single)));
  }
  counter(
    registry,
    'raziel_connections_closed_total',
    'Connections closed by the server, by reason.',
    ['reason'],
    (metric) => {
      metric.inc({ reason: 'slow_reader' }, totals.single('closedSlow'));
      metric.inc({ reason: 'broken_frame' }, totals.single('closedBroken'));
      metric.inc({ reason: 'too_large' }, totals.single('closedTooLarge'));
      metric.inc({ reason: 'memory' }, totals.single('closedMemory'));
    },
  );
}

function registerEngine(registry: Registry, engine: DriverEngine): void {
  gauge(registry, 'raziel_engine_info', 'Which engine serves; always 1.', ['kind'], (metric) =>
    metric.set({ kind: engine.kind }, 1),
  );
  gauge(registry, 'raziel_drivers', 'Drivers held.', [], (metric) => metric.set(engine.stats().drivers));
  gauge(registry, 'raziel_drivers_max', 'Drivers that can be held.', [], (metric) =>
    metric.set(engine.stats().driversMax),
  );
  gauge(registry, 'raziel_tags', 'Distinct tags that drivers carry.', [], (metric) => metric.set(engine.stats().tags));
  gauge(registry, 'raziel_engine_bytes', 'Memory of the index of drivers.', [], (metric) =>
    metric.set(engine.stats().bytes),
  );
}

function registerZones(registry: Registry, zones: ZoneMeters): void {
  const singles = [
    ['raziel_zones_version', 'Version of the zones that lookups see.', 'version'],
    ['raziel_zones_layers', 'Layers of zones.', 'layers'],
    ['raziel_zones_zones', 'Zones of all layers.', 'zones'],
    ['raziel_zones_vertices', 'Positions of all zones.', 'vertices'],
    ['raziel_zones_uploads_under_way', 'Uploads of zones that are worked on or wait for their turn.', 'waiting'],
  ] as const;
  for (const [name, help, single] of singles) {
    gauge(registry, name, help, [], (metric) => metric.set(zones.single(single)));
  }
  const seconds = 'raziel_zones_build_seconds_total';
  counter(registry, seconds, 'Seconds of work on uploads of zones, by stage.', ['stage'], (metric) => {
    for (const stage of ZONE_STAGES) metric.inc({ stage }, zones.seconds(stage));
  });
  const last = 'raziel_zones_build_seconds';
  gauge(registry, last, 'Seconds that the last upload of zones took, by stage.', ['stage'], (metric) => {
    for (const stage of ZONE_STAGES) metric.set({ stage }, zones.lastSeconds(stage));
  });
  const uploads = 'raziel_zones_uploads_total';
  counter(registry, uploads, 'Uploads of zones, by what became of them.', ['outcome'], (metric) => {
    for (const name of UPLOAD_OUTCOMES) metric.inc({ outcome: OUTCOME_LABELS[name] }, zones.uploads(name));
  });
}

function registerProcess(registry: Registry, totals: CounterTotals): void {
  const startedAtSeconds = nowMs() / 1000 - process.uptime();
  gauge(registry, 'process_start_time_seconds', 'When the process started.', [], (metric) =>
    metric.set(startedAtSeconds),
  );
  gauge(registry, 'raziel_clock_offset_seconds', "The wall clock less the server's clock.", [], (metric) =>
    metric.set((Date.now() - nowMs()) / 1000),
  );
  gauge(registry, 'process_resident_memory_bytes', 'Resident memory.', [], (metric) =>
    metric.set(process.memoryUsage.rss()),
  );
  counter(registry, 'process_cpu_seconds_total', 'CPU time of all threads.', [], (metric) => {
    const { user, system } = process.cpuUsage();
    metric.inc((user + system) / 1e6);
  });
  const delays: readonly (readonly [string, string, Single])[] = [
    [
      'raziel_event_loop_delay_p99_seconds',
      '99th percentile of how late the event loop ran in the last second.',
      'loopDelayP99Seconds',
    ],
    [
      'raziel_event_loop_delay_max_seconds',
      'How late the event loop ran at most in the last second.',
      'loopDelayMaxSeconds',
    ],
  ];
  for (const [name, help, single] of delays) {
    gauge(registry, name, help, ['thread'], (metric) => {
      for (let thread = 0; thread < totals.threads; thread++) metric.set({ thread }, totals.singleOf(thread, single));
    });
  }
}
