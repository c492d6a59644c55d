// The frames of a connection that wait for their turn, and among them the places of those that were refused: a queue that tells how
// many of each it has and how many bytes.
//
// The frames' bytes stand one behind the other in a few large chunks. An object for each of a hundred thousand waiting frames would have
// the garbage collector copy them all, for milliseconds, while nobody is answered.

import assert from 'node:assert/strict';
import type { Ref } from '../drivers/engine.ts';

export interface Held {
  /** The frame's bytes; undefined for a refused request, of which only the ref is kept. */
  readonly frame: Uint8Array | undefined;
  readonly ref: Ref;
  readonly binary: boolean;
}

interface Chunk {
  readonly bytes: Uint8Array;
  /** Up to where it is written. */
  end: number;
}

/** A connection that holds little takes little: each chunk is twice as large as the last. */
const CHUNK_BYTES_MIN = 512;
const CHUNK_BYTES_MAX = 64 * 1024;
/** What stands before a frame: its length, shifted by two bits that say what it is. */
const HEAD_BYTES = 4;
const BINARY = 1;
const REFUSED = 2;
const LENGTH_SHIFT = 2;
const FRAME_BYTES_MAX = 2 ** 30 - 1;
/** What the place of a refused request takes, about. */
export const REFUSAL_BYTES = 128;

export class HeldQueue {
  /** The oldest first. */
  #chunks: Chunk[] = [];
  /** Where the first chunk goes on. */
  #head = 0;
  #refs: Ref[] = [];
  #refsTaken = 0;
  frames = 0;
  refusals = 0;
  /** Of the frames. */
  bytes = 0;

  get length(): number {
    return this.frames + this.refusals;
  }

  /** Bytes of memory, about: of the frames, and of the places of those refused. */
  get keptBytes(): number {
    return this.bytes + REFUSAL_BYTES * this.refusals;
  }

  /** Keeps a copy. */
  pushFrame(frame: Uint8Array, binary: boolean): void {
    const length = frame.byteLength;
    assert(length <= FRAME_BYTES_MAX);
    const chunk = this.#chunkFor(HEAD_BYTES + length);
    writeHead(chunk, (length << LENGTH_SHIFT) | (binary ? BINARY : 0));
    chunk.bytes.set(frame, chunk.end);
    chunk.end += length;
    this.frames++;
    this.bytes += length;
  }

  pushRefusal(ref: Ref, binary: boolean): void {
    writeHead(this.#chunkFor(HEAD_BYTES), REFUSED | (binary ? BINARY : 0));
    this.#refs.push(ref);
    this.refusals++;
  }

  /** The oldest; its bytes stay as they are. */
  shift(): Held | undefined {
    const chunk = this.#chunks[0];
    if (chunk === undefined) return undefined;
    const head = readHead(chunk.bytes, this.#head);
    const start = this.#head + HEAD_BYTES;
    const end = start + (head >>> LENGTH_SHIFT);
    this.#head = end;
    if (end === chunk.end) {
      this.#chunks.shift();
      this.#head = 0;
    }
    const binary = (head & BINARY) !== 0;
    if ((head & REFUSED) !== 0) return { frame: undefined, ref: this.#shiftRef(), binary };
    this.frames--;
    this.bytes -= end - start;
    return { frame: chunk.bytes.subarray(start, end), ref: undefined, binary };
  }

  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#refs = [];
    this.#refsTaken = 0;
    this.frames = 0;
    this.refusals = 0;
    this.bytes = 0;
  }

  /** The last chunk, or a new one where that has not so many bytes left. */
  #chunkFor(bytes: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.end + bytes <= last.bytes.length) return last;
    const usual = Math.min(CHUNK_BYTES_MAX, 2 * (last?.bytes.length ?? CHUNK_BYTES_MIN / 2));
    const chunk = { bytes: new Uint8Array(Math.max(bytes, usual)), end: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  #shiftRef(): Ref {
    const ref = this.#refs[this.#refsTaken++];
    if (--this.refusals === 0) {
      this.#refs = [];
      this.#refsTaken = 0;
    }
    return ref;
  }
}

function writeHead(chunk: Chunk, head: number): void {
  const { bytes, end } = chunk;
  bytes[end] = head;
  bytes[end + 1] = head >>> 8;
  bytes[end + 2] = head >>> 16;
  bytes[end + 3] = head >>> 24;
  chunk.end = end + HEAD_BYTES;
}

function readHead(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
  return (low | ((bytes[at + 3] as number) << 24)) >>> 0;
}
