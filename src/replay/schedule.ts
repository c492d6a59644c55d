// When a fix of a file is due, and which time it is sent with.
//
//   --speed N      due and time are both start + (its time − the first one's) ÷ N: the feed as it was, N times as fast.
//   --speed max    due at once. All fixes cannot have the one moment `start`, since the newer of two must be told from the older;
//                  so they keep their spacing, shifted so that the last fix of the files is now: nothing lies in the future,
//                  and the end state is that of the last moment of the files.
//   --speed max --loop    due at once, the time is the moment of sending: pass after pass, every fix must be newer.
//   --keep-time    due as the speed says, with the time that the file has.

import type { TrackFix } from './entry.ts';

export type Speed = number | 'max';

interface Scheduled {
  /** The server's clock must have come here before the fix is sent; −Infinity for at once. */
  readonly dueMs: number;
  /** Undefined lets the server take its own clock. */
  readonly timeMs: number | undefined;
}

/** Asked for each fix in turn. */
export type Schedule = (fix: TrackFix) => Scheduled;

export interface ScheduleOptions {
  readonly speed: Speed;
  readonly keepTime: boolean;
  readonly loop: boolean;
  /** The server's clock when this pass over the files begins. */
  readonly startMs: number;
  /** The latest time in the files; needed for speed max without loop and keepTime. */
  readonly lastMs: number | undefined;
  /** The server's clock. */
  readonly now: () => number;
}

export function scheduleOf({ speed, keepTime, loop, startMs, lastMs, now }: ScheduleOptions): Schedule {
  const AT_ONCE = Number.NEGATIVE_INFINITY;
  if (speed === 'max') {
    if (keepTime) return ({ timeMs }) => ({ dueMs: AT_ONCE, timeMs });
    if (loop) return () => ({ dueMs: AT_ONCE, timeMs: Math.floor(now()) });
    const shiftMs = lastMs === undefined ? 0 : Math.floor(startMs) - lastMs;
    return ({ timeMs }) => ({ dueMs: AT_ONCE, timeMs: timeMs === undefined ? undefined : timeMs + shiftMs });
  }
  let firstMs: number | undefined;
  return ({ timeMs }) => {
    if (timeMs === undefined) return { dueMs: AT_ONCE, timeMs };
    firstMs ??= timeMs;
    const dueMs = Math.floor(startMs + (timeMs - firstMs) / speed);
    return { dueMs, timeMs: keepTime ? timeMs : dueMs };
  };
}
