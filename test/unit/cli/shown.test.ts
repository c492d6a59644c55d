import { describe, expect, it } from 'vitest';
import pc from 'picocolors';
import { parseMetrics, sampleOf } from '../../../src/cli/metrics.ts';
import { summaryLines } from '../../../src/cli/replay.ts';
import { tableLines } from '../../../src/cli/table.ts';
import { screenOf } from '../../../src/cli/top.ts';
import { bytesText, metersText, secondsText } from '../../../src/cli/values.ts';
import { emptySummary } from '../../../src/replay/summary.ts';

const metricsText = (n: number, process = 100): string => `# HELP raziel_requests_total Requests answered.
# TYPE raziel_requests_total counter
raziel_requests_total{op="nearest",transport="http"} ${n}
raziel_requests_total{op="nearest",transport="ws"} ${2 * n}
raziel_requests_total{op="within",transport="ws"} 0
raziel_requests_total{op="ping",transport="ws"} 7
raziel_fixes_total{outcome="accepted"} ${100 * n}
raziel_fixes_total{outcome="stale"} 1
raziel_errors_total{code="BAD_LAT"} ${n / 10}
raziel_errors_total{code="BAD_LON"} 3
raziel_request_duration_seconds_bucket{op="nearest",le="0.00001"} ${n}
raziel_request_duration_seconds_bucket{op="nearest",le="0.00002"} ${2 * n}
raziel_request_duration_seconds_bucket{op="nearest",le="0.001"} ${2.5 * n}
raziel_request_duration_seconds_bucket{op="nearest",le="+Inf"} ${3 * n}
raziel_engine_info{kind="native"} 1
raziel_drivers 5000
raziel_drivers_max 2000000
raziel_engine_bytes 1048576
process_resident_memory_bytes 1.2e+08
process_start_time_seconds ${process}
process_cpu_seconds_total ${n / 1000}
raziel_websocket_connections 3
not a sample
`;

describe('top', () => {
  const earlier = parseMetrics(metricsText(1000));

  it('makes rates of what grew between two readings, and percentiles of that alone', () => {
    const sample = sampleOf(earlier, parseMetrics(metricsText(3000)), 2, 160);
    expect(sample).toMatchObject({
      engine: 'native',
      upSeconds: 60,
      drivers: 5000,
      cpu: 1,
      webSockets: 3,
      fixesPerSecond: { accepted: 100_000, stale: 0 },
      errorsPerSecond: { BAD_LAT: 100 },
    });
    // 2000 of 6000 took up to 10 µs, the next 2000 up to 20: the median lies half way between. The last sixth is past every bound.
    expect(sample.ops).toEqual([
      { op: 'nearest', perSecond: 3000, p50Micros: expect.closeTo(15, 6), p99Micros: expect.closeTo(1000, 6) },
      { op: 'ping', perSecond: 0, p50Micros: null, p99Micros: null },
    ]);
  });

  it('takes a counter that went back as that of a new server', () => {
    const sample = sampleOf(parseMetrics(metricsText(5000)), parseMetrics(metricsText(200)), 1, 160);
    expect(sample.fixesPerSecond.accepted).toBe(20_000);
  });

  it('shows it all on one screen', () => {
    const sample = sampleOf(earlier, parseMetrics(metricsText(3000)), 2, 160);
    expect(screenOf(sample, 'http://h:1', { color: pc.createColors(false) })).toEqual([
      'raziel http://h:1  native engine  up 60 s',
      'drivers 5,000 of 2,000,000  memory 114 MiB (index 1.0 MiB)  cpu 100%',
      'connections 3 WebSocket, 0 HTTP',
      'fixes a second: 100,000 accepted, 0 stale, 0 duplicate, 0 rejected',
      '',
      'op       a second    p50     p99',
      'nearest     3,000  15 µs  1.0 ms',
      'ping            0      -       -',
      '',
      'refused: BAD_LAT 100.0/s',
    ]);
  });
});

describe('texts', () => {
  it('show numbers as people say them', () => {
    expect([83.4, 999.4, 1250].map(metersText)).toEqual(['83 m', '999 m', '1.25 km']);
    expect([0.41, 12, 600, 18_720, 200_000].map(secondsText)).toEqual(['0.4 s', '12 s', '10 min', '5.2 h', '2.3 d']);
    expect([512, 1536, 3.2e8, 2 ** 40].map(bytesText)).toEqual(['512 B', '1.5 KiB', '305 MiB', '1.0 TiB']);
  });

  it('align the columns of a table', () => {
    expect(
      tableLines(
        ['id', 'n'],
        [
          ['a', '1'],
          ['long', '100'],
        ],
        [1],
      ),
    ).toEqual(['id      n', 'a       1', 'long  100']);
  });

  it('sum a replay up, with what was broken and rejected by code', () => {
    const summary = {
      ...emptySummary(),
      lines: 1200,
      broken: 2,
      brokenByCode: { BAD_LAT: 1, BAD_FIX: 1 },
      sent: 1190,
      accepted: 1185,
    };
    const all = {
      ...summary,
      rejected: 5,
      rejectedByCode: { FUTURE_TIME: 5 },
      unanswered: 8,
      seconds: 2,
      fixesPerSecond: 595,
    };
    expect(summaryLines(all)).toEqual([
      'lines       1,200',
      'broken          2  (BAD_LAT 1, BAD_FIX 1)',
      'sent        1,190  in 2.0 s, 595 a second',
      '  accepted  1,185',
      '  stale         0',
      '  duplicate     0',
      '  rejected      5  (FUTURE_TIME 5)',
      'unanswered      8',
    ]);
  });
});
