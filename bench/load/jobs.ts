// What the load driver is told to do and what it answers, one job at a time, over the channel between the processes.

import type { CityBox } from '../lib/world.ts';

/** Which world the driver sends fixes of and asks about. Comes first; may be sent again for another one. */
export interface PrepareJob {
  readonly kind: 'prepare';
  readonly drivers: number;
  readonly seed: number;
  /** Laps of fixes that are written ahead; they are played to and fro. */
  readonly laps: number;
  /** What batches of fixes ask to be acknowledged; the server's default when absent. */
  readonly ack?: 'durable' | undefined;
  /** Tags, of which each driver has one; pickups ask for the nearest of each. None when absent. */
  readonly kinds?: readonly string[] | undefined;
  /** Where the cities lie; all over the world when absent. */
  readonly cities?: CityBox | undefined;
}

/** Sends one lap and waits for the last acknowledgement. */
export interface LoadJob {
  readonly kind: 'load';
  readonly port: number;
}

/** Which points are asked for zones. */
export interface ZonesAtJob {
  readonly kind: 'zonesAt';
  /** lat, lon, lat, lon, … */
  readonly points: Float64Array;
}

/** As many requests as are answered: each connection keeps that many in flight. */
export interface ClosedLoopJob {
  readonly kind: 'closed';
  readonly port: number;
  /** Whose processor time is counted. */
  readonly pid: number;
  readonly core: number | undefined;
  readonly request: 'nearest' | 'locations' | 'zonesAt';
  readonly connections: number;
  readonly inFlight: number;
  /** Whether the driver polls its sockets without a pause instead of sleeping until something comes. */
  readonly isAwake: boolean;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

export interface ClosedLoopResult {
  readonly requests: number;
  readonly seconds: number;
  /** Requests sent in all, those before and after the measured time too. */
  readonly sent: number;
  readonly replyBytesMean: number;
  /** Percentiles of the time from a request's write to its answer, microseconds; only for one request in flight. */
  readonly p50Micros: number | undefined;
  readonly p99Micros: number | undefined;
  /** Of one core: what the server's process used of it. */
  readonly serverShare: number | undefined;
  /** How much of the server's core was not idle, whoever used it. */
  readonly coreShare: number | undefined;
  readonly driverShare: number | undefined;
}

/** One kind of request, and how often. */
export interface ScheduledLoad {
  readonly request: 'nearest' | 'pickups' | 'locations';
  /** Requests; of `locations` batches. */
  readonly perSecond: number;
}

/** Requests at times that are set beforehand, whether the server keeps up or not. */
export interface ScheduledJob {
  readonly kind: 'scheduled';
  readonly port: number;
  readonly pid: number;
  readonly core: number | undefined;
  readonly seed: number;
  readonly loads: readonly ScheduledLoad[];
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

export interface ScheduledStream {
  readonly requests: number;
  /** From the time that was scheduled to the answer, microseconds. */
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly p999Micros: number;
  readonly maxMicros: number;
  /** Share of the requests that the driver sent more than LATE_MS after their time. */
  readonly lateShare: number;
}

export interface ScheduledResult {
  /** Of each load, in their order. */
  readonly streams: readonly ScheduledStream[];
  /** Batches of fixes sent in all. */
  readonly sent: number;
  readonly serverShare: number | undefined;
  readonly driverShare: number | undefined;
}

export type Job = PrepareJob | LoadJob | ZonesAtJob | ClosedLoopJob | ScheduledJob;

/** Clients that misbehave, by what they do. */
export const ATTACK_NAMES = ['slowReaders', 'connections', 'frames', 'inFlight', 'slowloris'] as const;
export type AttackName = (typeof ATTACK_NAMES)[number];

/** To the process of attacks.ts; it ends with that. */
export interface AttackJob {
  readonly attack: AttackName;
  readonly port: number;
  /** Where drivers are, degrees. */
  readonly lat: number;
  readonly lon: number;
}
