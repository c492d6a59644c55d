// A request's body as it comes, in segments that are handed to another thread, so that no thread that serves copies it together.

/** Small chunks share a segment: a body that drips in byte by byte takes no more memory than its bytes and one segment. */
const SEGMENT_BYTES = 256 * 1024;

export interface BodySegments {
  readonly segments: readonly Uint8Array<ArrayBuffer>[];
  /** Bytes in all; the last segment may have room left. */
  readonly length: number;
}

export class SegmentedBody implements BodySegments {
  readonly segments: Uint8Array<ArrayBuffer>[] = [];
  length = 0;
  #room = 0;

  /** Copies the chunk. */
  add(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#room === 0) {
        this.segments.push(new Uint8Array(SEGMENT_BYTES));
        this.#room = SEGMENT_BYTES;
      }
      const taken = chunk.subarray(from, from + this.#room);
      (this.segments.at(-1) as Uint8Array).set(taken, SEGMENT_BYTES - this.#room);
      this.#room -= taken.length;
      this.length += taken.length;
      from += taken.length;
    }
  }
}

export function joinSegments({ segments, length }: BodySegments): Uint8Array {
  return Buffer.concat(segments, length);
}
