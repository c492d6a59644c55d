// The load driver's process: does the jobs that the benchmark sends, one after the other.

import { World } from '../lib/world.ts';
import { runClosedLoop, sendLap } from './closed-loop.ts';
import { LocationFrames, NearestFrames, PickupFrames, ZonesAtFrames } from './frames.ts';
import type { Job, ScheduledResult } from './jobs.ts';
import { runScheduled } from './scheduled.ts';

let zonesAt: ZonesAtFrames | undefined;
let frames:
  | { readonly nearest: NearestFrames; readonly pickups: PickupFrames; readonly locations: LocationFrames }
  | undefined;

async function work(job: Job): Promise<object> {
  if (job.kind === 'prepare') {
    const { drivers, seed, cities, kinds = [], laps, ack } = job;
    const world = new World(drivers, seed, cities);
    const nearest = new NearestFrames(world);
    const pickups = new PickupFrames(world, kinds);
    frames = { nearest, pickups, locations: new LocationFrames(world, laps, ack, kinds) };
    return { ready: true };
  }
  if (job.kind === 'zonesAt') {
    zonesAt = new ZonesAtFrames(job.points);
    return { ready: true };
  }
  if (frames === undefined) throw new Error('no world has been prepared');
  switch (job.kind) {
    case 'load':
      await sendLap(job.port, frames.locations);
      return { loaded: true };
    case 'closed':
      if (job.request !== 'zonesAt') return runClosedLoop(job, frames[job.request]);
      if (zonesAt === undefined) throw new Error('no points have been given');
      return runClosedLoop(job, zonesAt);
    case 'scheduled': {
      const { locations } = frames;
      const before = locations.sent;
      return { ...(await runScheduled(job, frames)), sent: locations.sent - before } satisfies ScheduledResult;
    }
  }
}

process.on('message', (job: Job) => {
  work(job).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ failed: (error as Error).message }),
  );
});
