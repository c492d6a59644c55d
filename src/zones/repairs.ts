// What `repair` did to an upload, listed so that nobody is surprised.

import { ZONE_FAULTS_LISTED_MAX } from '../limits.ts';
import type { FaultPlace } from './faults.ts';

export type RepairCode =
  /** The ring's first position was added at its end. */
  | 'CLOSED_RING'
  /** The ring had no area. */
  | 'DROPPED_RING'
  /** The polygon had no shell left. */
  | 'DROPPED_PART'
  /** The ring crosses itself or another: what an odd number of its turns go around is inside. */
  | 'SELF_CROSSING'
  /** The hole leaves its shell or lies in another hole: what an odd number of the polygon's rings go around is inside. */
  | 'HOLE_OUTSIDE';

export interface Repair extends FaultPlace {
  readonly code: RepairCode;
  readonly message: string;
}

/** The first ZONE_FAULTS_LISTED_MAX repairs, and how many more there are. */
export class Repairs {
  readonly #repairs: Repair[] = [];
  #count = 0;

  add(code: RepairCode, place: FaultPlace, message: string): void {
    this.#count++;
    if (this.#repairs.length < ZONE_FAULTS_LISTED_MAX) this.#repairs.push({ ...place, code, message });
  }

  addUnlisted(count: number): void {
    this.#count += count;
  }

  get listed(): readonly Repair[] {
    return this.#repairs;
  }

  get more(): number {
    return this.#count - this.#repairs.length;
  }
}
