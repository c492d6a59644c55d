// What the server is for: nearest queries answered while fixes pour in, both on a schedule (open loop).

import { BATCH_FIXES } from '../load/frames.ts';
import { Fixture } from '../load/fixture.ts';
import type { ScheduledResult, ScheduledStream } from '../load/jobs.ts';
import { addStream } from '../lib/streams.ts';
import type { Suite } from '../lib/suite.ts';

const DRIVERS = 100_000;
const LAPS = 8;
const NEAREST_PER_SECOND = 10_000;
const FIXES_PER_SECOND = 300_000;

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
        loads: [
          { request: 'nearest', perSecond: NEAREST_PER_SECOND },
          { request: 'locations', perSecond: FIXES_PER_SECOND / BATCH_FIXES },
        ],
        warmUpMs: options.quick ? 1_000 : 3_000,
        measuredMs: options.quick ? 3_000 : 20_000,
      });
      const after = await fixture.fixCounts();
      const accepted = after.accepted - before.accepted;
      if (accepted !== result.sent * BATCH_FIXES || after.others !== before.others) {
        throw new Error(`of ${result.sent * BATCH_FIXES} fixes the server accepted ${accepted}`);
      }
      const [nearest, locations] = result.streams as [ScheduledStream, ScheduledStream];
      addStream(report, 'mixed.nearest', nearest);
      addStream(report, 'mixed.locations', locations);
      const possible = [0, 1.5] as const;
      report.add({ metric: 'mixed.serverBusy', value: result.serverShare ?? 0, unit: 'ratio', possible });
    } finally {
      await fixture.stop();
    }
  },
};
