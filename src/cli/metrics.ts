// What `raziel top` knows of a server: its /metrics (Prometheus text format 0.0.4) read, and two readings made into rates.

/** One reading: values by name and labels, as they are written: `raziel_fixes_total{outcome="accepted"}`. */
export type Reading = ReadonlyMap<string, number>;

/** Values of a Prometheus text; comments and what is no sample are skipped. */
export function parseMetrics(text: string): Reading {
  const reading = new Map<string, number>();
  for (const line of text.split('\n')) {
    const at = line.lastIndexOf(' ');
    if (line.startsWith('#') || at <= 0) continue;
    const value = Number(line.slice(at + 1).replace('+Inf', 'Infinity'));
    if (!Number.isNaN(value)) reading.set(line.slice(0, at), value);
  }
  return reading;
}

interface OpSample {
  readonly op: string;
  readonly perSecond: number;
  /** Microseconds on the server, as upper bounds of the histogram's buckets between which it interpolates; null without requests. */
  readonly p50Micros: number | null;
  readonly p99Micros: number | null;
}

export interface TopSample {
  readonly engine: string;
  readonly upSeconds: number;
  readonly drivers: number;
  readonly driversMax: number;
  readonly engineBytes: number;
  readonly residentBytes: number;
  /** Of all cores together: 1 is one core busy. */
  readonly cpu: number;
  readonly webSockets: number;
  readonly httpConnections: number;
  readonly fixesPerSecond: Readonly<Record<string, number>>;
  readonly errorsPerSecond: Readonly<Record<string, number>>;
  readonly overloadedPerSecond: number;
  /** Operations that were asked for, ever; the busiest first. */
  readonly ops: readonly OpSample[];
}

/** What happened between two readings that lie `seconds` apart; without an earlier one, since the server started. */
export function sampleOf(earlier: Reading | undefined, later: Reading, seconds: number, nowSeconds: number): TopSample {
  const value = (name: string): number => later.get(name) ?? 0;
  const upSeconds = Math.max(0, nowSeconds - value('process_start_time_seconds'));
  const over = earlier === undefined ? Math.max(1, upSeconds) : seconds;
  // A counter that went back is of a server that was started anew.
  const grown = (name: string): number => {
    const now = later.get(name) ?? 0;
    const before = earlier?.get(name) ?? 0;
    return now >= before ? now - before : now;
  };
  const rates = (name: string, label: string): Record<string, number> => {
    const byLabel: Record<string, number> = {};
    for (const [key, labels] of labelled(later, name)) byLabel[labels[label] ?? ''] = grown(key) / over;
    return byLabel;
  };
  const ops = opsOf(later, grown, over);
  return {
    engine: labelled(later, 'raziel_engine_info')[0]?.[1].kind ?? 'unknown',
    upSeconds,
    drivers: value('raziel_drivers'),
    driversMax: value('raziel_drivers_max'),
    engineBytes: value('raziel_engine_bytes'),
    residentBytes: value('process_resident_memory_bytes'),
    cpu: grown('process_cpu_seconds_total') / over,
    webSockets: value('raziel_websocket_connections'),
    httpConnections: value('raziel_http_connections'),
    fixesPerSecond: rates('raziel_fixes_total', 'outcome'),
    errorsPerSecond: Object.fromEntries(
      Object.entries(rates('raziel_errors_total', 'code')).filter(([, rate]) => rate > 0),
    ),
    overloadedPerSecond: grown('raziel_overloaded_requests_total') / over,
    ops,
  };
}

function opsOf(later: Reading, grown: (name: string) => number, seconds: number): OpSample[] {
  const requests = new Map<string, { ever: number; perSecond: number }>();
  for (const [key, { op = '' }] of labelled(later, 'raziel_requests_total')) {
    const before = requests.get(op) ?? { ever: 0, perSecond: 0 };
    requests.set(op, { ever: before.ever + (later.get(key) ?? 0), perSecond: before.perSecond + grown(key) / seconds });
  }
  const buckets = new Map<string, { le: number; count: number }[]>();
  for (const [key, { op = '', le = '' }] of labelled(later, 'raziel_request_duration_seconds_bucket')) {
    const of = buckets.get(op) ?? [];
    of.push({ le: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), count: grown(key) });
    buckets.set(op, of);
  }
  return [...requests]
    .filter(([, { ever }]) => ever > 0)
    .map(([op, { perSecond }]) => {
      const of = buckets.get(op) ?? [];
      return { op, perSecond, p50Micros: microsAt(0.5, of), p99Micros: microsAt(0.99, of) };
    })
    .sort((a, b) => b.perSecond - a.perSecond || a.op.localeCompare(b.op));
}

/**
 * A percentile from cumulative buckets, in microseconds, linear within its bucket as Prometheus' histogram_quantile has it; in the
 * last, open bucket the highest bound.
 */
function microsAt(share: number, buckets: { le: number; count: number }[]): number | null {
  const sorted = buckets.sort((a, b) => a.le - b.le);
  const total = sorted.at(-1)?.count ?? 0;
  if (total === 0) return null;
  const rank = share * total;
  let lower = { le: 0, count: 0 };
  for (const bucket of sorted) {
    if (bucket.count >= rank) {
      if (bucket.le === Number.POSITIVE_INFINITY) return lower.le * 1e6;
      return (lower.le + ((bucket.le - lower.le) * (rank - lower.count)) / (bucket.count - lower.count)) * 1e6;
    }
    lower = bucket;
  }
  return null;
}

/** The samples of one metric with their labels. */
function labelled(reading: Reading, name: string): [string, Record<string, string>][] {
  const found: [string, Record<string, string>][] = [];
  for (const key of reading.keys()) {
    if (!key.startsWith(`${name}{`)) continue;
    const labels: Record<string, string> = {};
    for (const [, label = '', value = ''] of key.matchAll(/([a-z_]+)="([^"]*)"/gi)) labels[label] = value;
    found.push([key, labels]);
  }
  return found;
}
