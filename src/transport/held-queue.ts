// The frames of a connection that wait for their turn, and among them the places of those that were refused: a queue that tells how
// many of each it has and how many bytes.

import type { Ref } from '../drivers/engine.ts';

export interface Held {
  /** The frame's bytes; undefined for a refused request, of which only the ref is kept. */
  readonly frame: Uint8Array | undefined;
  readonly ref: Ref;
  readonly binary: boolean;
}

const COMPACT_AT = 1_024;
/** What the place of a refused request takes, about. */
export const REFUSAL_BYTES = 128;

export class HeldQueue {
  #items: (Held | undefined)[] = [];
  #head = 0;
  frames = 0;
  refusals = 0;
  bytes = 0;

  get length(): number {
    return this.frames + this.refusals;
  }

  /** Bytes of memory, about: of the frames, and of the places of those refused. */
  get keptBytes(): number {
    return this.bytes + REFUSAL_BYTES * this.refusals;
  }

  pushFrame(frame: Uint8Array, binary: boolean): void {
    this.#items.push({ frame, ref: undefined, binary });
    this.frames++;
    this.bytes += frame.byteLength;
  }

  pushRefusal(ref: Ref, binary: boolean): void {
    this.#items.push({ frame: undefined, ref, binary });
    this.refusals++;
  }

  shift(): Held | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    if (item.frame === undefined) {
      this.refusals--;
    } else {
      this.frames--;
      this.bytes -= item.frame.byteLength;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.frames = 0;
    this.refusals = 0;
    this.bytes = 0;
  }
}
