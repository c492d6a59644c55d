// Texts as small numbers, in shared memory: the names of endpoints, callers and errors that one thread's spans carry. The thread that owns the
// table adds to it, any other reads it. A text is there before any record that names it, because its number is stored last.
//
//   strings.intern('zoning.search') → 3      new Strings(strings.shared).text(3) → 'zoning.search'

import { TRACE_STRING_BYTES_MAX, TRACE_STRINGS_MAX } from '../limits.ts';

/** What a text becomes for which there is no room any more. Number 0 of every table. */
export const UNNAMED = '(other)';

const COUNT_BYTES = 8;
/** A length, then the UTF-8. */
const SLOT_BYTES = 1 + TRACE_STRING_BYTES_MAX;

export class Strings {
  readonly shared: SharedArrayBuffer;
  readonly #count: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(COUNT_BYTES + TRACE_STRINGS_MAX * SLOT_BYTES);
    this.#count = new Int32Array(this.shared, 0, 1);
    this.#bytes = new Uint8Array(this.shared, COUNT_BYTES);
    if (shared === undefined) this.intern(UNNAMED);
  }

  /** The number of a text, for the owner only; 0 past TRACE_STRINGS_MAX. A long text is cut. */
  intern(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = Atomics.load(this.#count, 0);
    if (number >= TRACE_STRINGS_MAX) return 0;
    const utf8 = Buffer.from(text).subarray(0, TRACE_STRING_BYTES_MAX);
    const at = number * SLOT_BYTES;
    this.#bytes[at] = utf8.length;
    this.#bytes.set(utf8, at + 1);
    Atomics.store(this.#count, 0, number + 1);
    this.#numbers.set(text, number);
    return number;
  }

  /** The text of a number; UNNAMED for one that there is not. */
  text(number: number): string {
    const known = this.#texts[number];
    if (known !== undefined) return known;
    if (!(number >= 0 && number < Atomics.load(this.#count, 0))) return UNNAMED;
    const at = number * SLOT_BYTES;
    const length = this.#bytes[at] as number;
    // Decoding takes no shared memory.
    const text = Buffer.from(this.#bytes.slice(at + 1, at + 1 + length)).toString();
    this.#texts[number] = text;
    return text;
  }
}
