// What the demo's main thread and its fleet's thread tell each other.

import type { City } from './cities.ts';

export interface FleetStart {
  /** For a server that asks for one. */
  readonly token?: string | undefined;
  /** Certificates to trust, PEM, of a server with TLS. */
  readonly ca?: string | undefined;
  readonly url: string;
  readonly city: City;
  readonly drivers: number;
  readonly seed: number;
}

/** Sent once a second: what happened since the one before. */
export interface FleetReport {
  readonly fixes: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Batches that failed or were given up, and why the last one was. */
  readonly failed: number;
  readonly failure?: string;
  readonly searches: number;
  /** Milliseconds, at the client; absent without searches. */
  readonly searchP50Ms?: number;
  readonly searchP99Ms?: number;
  /** The last search: from where, and the nearest free driver. */
  readonly sample?: { lat: number; lon: number; id: string; distanceMeters: number };
  /** How far the simulation is behind the clock, milliseconds. */
  readonly lagMs: number;
}
