// What an operation answers, before the transport sends it.

import type { ReplyBuffer } from '../drivers/engine.ts';
import type { Encoding } from '../protocol/codec.ts';

export type Answer =
  /** Nothing is to be sent. */
  | { readonly kind: 'none' }
  /** MessagePack, in the service's reply buffer from 0 to `length`, until the next operation writes there. */
  | { readonly kind: 'packed'; readonly length: number }
  /** A map to be encoded as the client asked. */
  | { readonly kind: 'value'; readonly value: object }
  /** Bytes of their own, encoded as they say. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly encoding: Encoding };

export const NO_ANSWER: Answer = { kind: 'none' };

const REPLY_BYTES_INITIAL = 256 * 1024;
/** A buffer that one large answer made grow is let go when it is larger than this. */
const REPLY_BYTES_KEPT = 4 * 1024 * 1024;
const VIEWS_MAX = 4_096;

/**
 * The buffer that answers are written into, with views on its first bytes kept by length: creating a Uint8Array costs more than
 * sending a small one.
 */
export class Reply implements ReplyBuffer {
  bytes: Uint8Array = new Uint8Array(REPLY_BYTES_INITIAL);
  #viewed: Uint8Array = this.bytes;
  #views: (Uint8Array | undefined)[] = [];

  /** The first `length` bytes. */
  view(length: number): Uint8Array {
    if (this.#viewed !== this.bytes) {
      this.#viewed = this.bytes;
      this.#views = [];
    }
    if (length >= VIEWS_MAX) return this.bytes.subarray(0, length);
    const view = this.#views[length];
    if (view !== undefined) return view;
    const made = this.bytes.subarray(0, length);
    this.#views[length] = made;
    return made;
  }

  /** `length` bytes from `start` on. */
  viewAt(start: number, length: number): Uint8Array {
    if (start === 0) return this.view(length);
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + start, length);
  }

  /** To be called when an answer has been sent. */
  release(): void {
    if (this.bytes.length > REPLY_BYTES_KEPT) this.bytes = new Uint8Array(REPLY_BYTES_INITIAL);
  }
}
