// The log of slow requests (--slow-query-ms): one line for each that took as long or longer, ten a second and thread at most, and then how many
// were left out. A line says what was asked in outline and never who: no driver's id, no position, no token.
//
//   {"level":40,"slow":true,"op":"within","transport":"ws","micros":183211,"ref":"q17","area":"bbox","limit":10000,"tags":2,"msg":"slow request"}

import type { Ref } from '../drivers/engine.ts';
import type { CountedOp, Transport } from '../metrics/counters.ts';
import type { Request } from '../protocol/requests.ts';

const LINES_PER_SECOND_MAX = 10;
const SECOND_MS = 1_000;

export interface SlowRequest {
  readonly slow: true;
  readonly op: CountedOp;
  readonly transport: Transport;
  /** From its arrival to its answer. Over HTTP that includes its body's. */
  readonly micros: number;
  readonly ref?: Ref;
  /** Slow requests before this one that were not logged. */
  readonly leftOut?: number;
  /** As outlineOf. */
  readonly [detail: string]: unknown;
}

export class SlowLog {
  /** From here on a request is slow; Infinity for none. */
  readonly micros: number;
  readonly #write: (entry: SlowRequest) => void;
  readonly #now: () => number;
  #second = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #leftOut = 0;

  /** @param milliseconds 0 for no log @param now for tests */
  constructor(milliseconds: number, write: (entry: SlowRequest) => void, now = (): number => performance.now()) {
    this.micros = milliseconds === 0 ? Number.POSITIVE_INFINITY : milliseconds * 1000;
    this.#write = write;
    this.#now = now;
  }

  /** To be called for a request of at least `micros`. @param outline is asked for only when the line is written */
  note(op: CountedOp, transport: Transport, micros: number, outline: () => object): void {
    const now = this.#now();
    if (now >= this.#second + SECOND_MS) {
      this.#second = now;
      this.#lines = 0;
    }
    if (this.#lines === LINES_PER_SECOND_MAX) {
      this.#leftOut++;
      return;
    }
    this.#lines++;
    const leftOut = this.#leftOut === 0 ? {} : { leftOut: this.#leftOut };
    this.#leftOut = 0;
    this.#write({ slow: true, op, transport, micros: Math.round(micros), ...leftOut, ...outline() });
  }
}

/** For tests, and wherever nothing is logged. */
export const NO_SLOW_LOG = new SlowLog(0, () => {});

/** What makes a request small or large. */
export function outlineOf(request: Request): object {
  switch (request.op) {
    case 'locations':
      return { bytes: request.batch.length };
    case 'nearest': {
      const { k, radiusMeters } = request.query;
      return { k, radiusMeters, ...filtersOf(request.query) };
    }
    case 'within': {
      const { area, limit } = request.query;
      const vertices = area.kind === 'polygons' ? { vertices: area.polygons.flat(2).length } : {};
      return { area: area.kind, limit, ...vertices, ...filtersOf(request.query) };
    }
    case 'multisearch':
      return { searches: request.queries.length };
    case 'supply':
      return { resolution: request.query.resolution };
    case 'zonesAt':
      return 'points' in request.query ? { points: request.query.points.length / 2 } : {};
    default:
      return {};
  }
}

interface Filtered {
  readonly tags?: readonly string[];
  readonly anyTags?: readonly string[];
  readonly notTags?: readonly string[];
  readonly zone?: object;
}

/** How many of each. */
function filtersOf({ tags, anyTags, notTags, zone }: Filtered): object {
  return {
    ...(tags === undefined ? {} : { tags: tags.length }),
    ...(anyTags === undefined ? {} : { anyTags: anyTags.length }),
    ...(notTags === undefined ? {} : { notTags: notTags.length }),
    ...(zone === undefined ? {} : { inZone: true }),
  };
}
