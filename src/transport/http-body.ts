// Reads a request's body up to a limit of bytes, of time and of memory. The body of a request that was answered already, because it is too large
// or of the wrong type, is taken off the wire and dropped, so that the client gets to read the answer.

import { RazielError } from '../errors.ts';
import { BODY_BYTES_PER_SECOND_MIN } from '../limits.ts';
import type { Deadline, Deadlines } from '../overload/deadlines.ts';
import { type Kept, shortOfMemory } from '../overload/memory-guard.ts';
import type { HttpResponse } from './uws.ts';

/** What bounds the bodies of a thread, beside their size. */
export interface BodyBounds {
  readonly bodies: Kept;
  readonly deadlines: Deadlines;
  /** Seconds that a body may take, and one more for each BODY_BYTES_PER_SECOND_MIN of it. */
  readonly bodySeconds: number;
}

/** Counts the time of one body. */
export class BodyClock {
  readonly #bounds: BodyBounds;
  readonly #deadline: Deadline;

  /** @param late called, once, with what to answer, when the body has taken too long */
  constructor(bounds: BodyBounds, late: (error: RazielError) => void) {
    this.#bounds = bounds;
    const { bodySeconds, deadlines } = bounds;
    this.#deadline = deadlines.set(performance.now() + bodySeconds * 1000, () => {
      late(new RazielError('TIMED_OUT', `the body must come within ${bodySeconds} s, or at 64 KiB a second`));
    });
  }

  /** So many bytes have come. */
  heard(bytes: number): void {
    this.#deadline.at += (1000 * bytes) / BODY_BYTES_PER_SECOND_MIN;
  }

  stop(): void {
    this.#bounds.deadlines.clear(this.#deadline);
  }
}

/**
 * Calls `done` with the whole body, valid during the call only, or `refuse` as soon as there is more than `bytesMax`, no memory for it, or no time
 * left; neither when the client goes away, of which `aborted` is to be told.
 */
export function readBody(
  res: HttpResponse,
  bytesMax: number,
  bounds: BodyBounds,
  done: (body: Uint8Array) => void,
  refuse: (error: RazielError) => void,
): { readonly aborted: () => void } {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let kept = 0;
  let isOver = false;
  const end = (): void => {
    isOver = true;
    clock.stop();
    chunks.length = 0;
    bounds.bodies.give(kept);
  };
  const clock = new BodyClock(bounds, (error) => {
    end();
    refuse(error);
  });
  res.onData((chunk, isLast) => {
    if (isOver) return;
    length += chunk.byteLength;
    clock.heard(chunk.byteLength);
    if (length > bytesMax) {
      end();
      refuse(new RazielError('TOO_LARGE', `a body has at most ${bytesMax} bytes, got more`));
      return;
    }
    if (isLast && chunks.length === 0) {
      end();
      done(new Uint8Array(chunk));
      return;
    }
    if (!bounds.bodies.take(chunk.byteLength)) {
      end();
      refuse(shortOfMemory());
      return;
    }
    kept += chunk.byteLength;
    if (isLast) {
      chunks.push(new Uint8Array(chunk));
      const body = Buffer.concat(chunks, length);
      end();
      done(body);
    } else if (chunk.byteLength > 0) {
      chunks.push(new Uint8Array(chunk.slice(0)));
    }
  });
  return {
    aborted() {
      if (!isOver) end();
    },
  };
}
