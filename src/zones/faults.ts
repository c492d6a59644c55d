// What is wrong with an upload of zones, all of it at once, so that somebody who repairs a file does not upload it once for every fault.
//
//   {"code":"SELF_CROSSING","feature":12,"part":0,"ring":0,"position":7,"message":"the edge from [1,2] to [3,4] crosses …"}

import { RazielError } from '../errors.ts';
import { ZONE_FAULTS_LISTED_MAX } from '../limits.ts';

export type FaultCode =
  | 'NOT_CLOSED'
  | 'TOO_FEW_POSITIONS'
  | 'SELF_CROSSING'
  | 'HOLE_OUTSIDE'
  | 'BAD_POSITION'
  | 'NO_ID'
  | 'DUPLICATE_ID'
  | 'BAD_GEOMETRY'
  /** `properties.priority` is there and no number. */
  | 'BAD_PRIORITY'
  /** `properties` nest deeper than ZONE_PROPERTIES_DEPTH_MAX, are no object, or hold a policy (policy.ts) that is none. */
  | 'BAD_PROPERTIES';

/** Where in the upload, each counted from 0. A Polygon is part 0; ring 0 is a polygon's shell. */
export interface FaultPlace {
  readonly feature?: number;
  readonly part?: number;
  readonly ring?: number;
  readonly position?: number;
}

export interface Fault extends FaultPlace {
  readonly code: FaultCode;
  readonly message: string;
}

/** Faults in the order of the upload: the first ZONE_FAULTS_LISTED_MAX, and how many more there are. */
export class FaultList {
  readonly #faults: Fault[] = [];
  #count = 0;

  /** The message is only made when there is still room for it. */
  add(code: FaultCode, place: FaultPlace, message: () => string): void {
    this.#count++;
    if (this.#faults.length < ZONE_FAULTS_LISTED_MAX) this.#faults.push({ ...place, code, message: message() });
  }

  /** Counts faults that are not listed. */
  addUnlisted(count: number): void {
    this.#count += count;
  }

  get count(): number {
    return this.#count;
  }

  get listed(): readonly Fault[] {
    return this.#faults;
  }

  /** How many faults there are past the listed ones. */
  get more(): number {
    return this.#count - this.#faults.length;
  }
}

/** An upload that was refused; nothing has changed. The body lists `faults`, and how many `more` there are. */
export class ZonesRefused extends RazielError {
  readonly faults: readonly Fault[];
  readonly more: number;

  constructor(list: FaultList) {
    const first = list.listed[0];
    super(
      'BAD_ZONES',
      `the layer has ${list.count} fault${list.count === 1 ? '' : 's'}` +
        `${first === undefined ? '' : `, the first: ${first.code}${first.feature === undefined ? '' : ` in feature ${first.feature}`}, ${first.message}`}`,
    );
    this.faults = list.listed;
    this.more = list.more;
  }

  override toBody(): ReturnType<RazielError['toBody']> & { faults: readonly Fault[]; more: number } {
    return { ...super.toBody(), faults: this.faults, more: this.more };
  }
}
