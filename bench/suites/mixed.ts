// What the server is for: nearest queries answered while fixes pour in, both on a schedule (open loop).

import { BATCH_FIXES } from '../load/frames.ts';
import { Fixture } from '../load/fixture.ts';
import type { ScheduledResult, ScheduledStream } from '../load/jobs.ts';
import type { Report } from '../lib/report.ts';
import type { Suite } from '../lib/suite.ts';

const DRIVERS = 100_000;
const LAPS = 8;
const NEAREST_PER_SECOND = 10_000;
const FIXES_PER_SECOND = 300_000;
/** A driver that misses more of its schedule than this has measured itself. */
const LATE_SHARE_MAX = 0.01;

export const mixedSuite: Suite = {
  name: 'mixed',
  description: `${NEAREST_PER_SECOND} nearest a second beside ${FIXES_PER_SECOND} fixes a second, on a schedule`,
  async run(options, report) {
    report.note(`mixed: loading ${DRIVERS} drivers`);
    const fixture = await Fixture.start(DRIVERS, LAPS, options);
    try {
      const { server } = fixture;
      await fixture.probe(DRIVERS, options.seed, 100);
      const before = await fixture.fixCounts();
      report.note(`mixed: server ${server.pid} on core ${server.core ?? 'any'}`);
      const result = await fixture.drive<ScheduledResult>({
        kind: 'scheduled',
        port: server.port,
        pid: server.pid,
        core: server.core,
        seed: options.seed,
        nearestPerSecond: NEAREST_PER_SECOND,
        batchesPerSecond: FIXES_PER_SECOND / BATCH_FIXES,
        warmUpMs: options.quick ? 1_000 : 3_000,
        measuredMs: options.quick ? 3_000 : 20_000,
      });
      const after = await fixture.fixCounts();
      const accepted = after.accepted - before.accepted;
      if (accepted !== result.sent * BATCH_FIXES || after.others !== before.others) {
        throw new Error(`of ${result.sent * BATCH_FIXES} fixes the server accepted ${accepted}`);
      }
      addStream(report, 'mixed.nearest', result.nearest);
      addStream(report, 'mixed.locations', result.batches);
      const possible = [0, 1.5] as const;
      report.add({ metric: 'mixed.serverBusy', value: result.serverShare ?? 0, unit: 'ratio', possible });
    } finally {
      await fixture.stop();
    }
  },
};

function addStream(report: Report, name: string, stream: ScheduledStream): void {
  const invalid =
    stream.lateShare > LATE_SHARE_MAX
      ? `the load driver sent ${(stream.lateShare * 100).toFixed(1)}% of the requests more than a millisecond late`
      : undefined;
  const add = (part: string, micros: number): void =>
    report.add({ metric: `${name}.${part}`, value: micros / 1000, unit: 'ms', invalid, possible: [0.005, 60_000] });
  add('p50', stream.p50Micros);
  add('p99', stream.p99Micros);
  add('p999', stream.p999Micros);
  add('max', stream.maxMicros);
  report.add({ metric: `${name}.late`, value: stream.lateShare, unit: 'ratio', possible: [0, 1] });
}
