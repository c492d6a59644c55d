// How long the requests of a schedule took, as a suite reports it.

import type { ScheduledStream } from '../load/jobs.ts';
import type { Report } from './report.ts';

/** A driver that misses more of its schedule than this has measured itself. */
const LATE_SHARE_MAX = 0.01;

/** Adds `name.p50`, `.p99`, `.p999` and `.max` in milliseconds, and `.late`. @param doubt why the figures do not say what they should */
export function addStream(report: Report, name: string, stream: ScheduledStream, doubt?: string): void {
  const invalid =
    stream.lateShare > LATE_SHARE_MAX
      ? `the load driver sent ${(stream.lateShare * 100).toFixed(1)}% of the requests more than a millisecond late`
      : doubt;
  const add = (part: string, micros: number): void =>
    report.add({ metric: `${name}.${part}`, value: micros / 1000, unit: 'ms', invalid, possible: [0.005, 60_000] });
  add('p50', stream.p50Micros);
  add('p99', stream.p99Micros);
  add('p999', stream.p999Micros);
  add('max', stream.maxMicros);
  report.add({ metric: `${name}.late`, value: stream.lateShare, unit: 'ratio', possible: [0, 1] });
}
