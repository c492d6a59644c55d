// Which H3 cell a position is in, for threads that cannot afford to ask H3 (a microsecond or more a position): a grid of small squares, each
// resolved once by the learner, in a hash table of shared memory. A square belongs to the cell that its middle is in, so that
// positions within half a square of a cell's edge may count to the neighbour.
//
//   const squares = new Squares(memory, 0, 1 << 18, 16);
//   squares.put(squares.keyOf(37.77, -122.42), 17);  // the learner
//   squares.get(37.77, -122.42);                     // 17, on any thread; 0 where nothing was put

const EMPTY = 0;

export class Squares {
  readonly #keys: Int32Array;
  readonly #values: Int32Array;
  readonly #mask: number;
  readonly #perDegree: number;
  /** Squares in the table at most: half of its slots, so that probes stay short. */
  readonly squaresMax: number;
  /** Of the writer; other threads do not know it. */
  #used = 0;

  /** Bytes that a table of so many slots takes. */
  static bytes(slots: number): number {
    return 8 * slots;
  }

  /**
   * @param slots a power of two
   * @param bits of longitude, at most 16: a square is 360 / 2^bits degrees on both sides
   */
  constructor(memory: SharedArrayBuffer, offset: number, slots: number, bits: number) {
    this.#keys = new Int32Array(memory, offset, slots);
    this.#values = new Int32Array(memory, offset + 4 * slots, slots);
    this.#mask = slots - 1;
    this.#perDegree = 2 ** bits / 360;
    this.squaresMax = slots / 2;
    for (const key of this.#keys) if (key !== EMPTY) this.#used++;
  }

  get used(): number {
    return this.#used;
  }

  /** The square of a position; never 0. */
  keyOf(lat: number, lon: number): number {
    const row = ((lat + 90) * this.#perDegree) | 0;
    const column = ((lon + 180) * this.#perDegree) & 0xffff;
    // The poles' last row is one with the row before it, so that one more than any key is a key too.
    return ((Math.min(row, 0x7ffe) << 16) | column) + 1;
  }

  /** The middle of a square, [lat, lon]. */
  middleOf(key: number): readonly [number, number] {
    const row = (key - 1) >> 16;
    const column = (key - 1) & 0xffff;
    return [Math.min(90, (row + 0.5) / this.#perDegree - 90), (column + 0.5) / this.#perDegree - 180];
  }

  /** What was put for the square of a position; 0 when nothing was. */
  get(lat: number, lon: number): number {
    const slot = this.#slotOf(this.keyOf(lat, lon));
    return this.#keys[slot] === EMPTY ? 0 : (this.#values[slot] as number);
  }

  /** By the one thread that writes. False when the table is full. */
  put(key: number, value: number): boolean {
    const slot = this.#slotOf(key);
    if (this.#keys[slot] === EMPTY) {
      if (this.#used >= this.squaresMax) return false;
      this.#used++;
    }
    // Whoever sees the key sees the value.
    Atomics.store(this.#values, slot, value);
    Atomics.store(this.#keys, slot, key);
    return true;
  }

  /** All that were put. */
  keys(): number[] {
    return Array.from(this.#keys).filter((key) => key !== EMPTY);
  }

  has(key: number): boolean {
    return this.#keys[this.#slotOf(key)] === key;
  }

  #slotOf(key: number): number {
    let slot = Math.imul(key, 0x9e3779b1) >>> 7;
    for (slot &= this.#mask; ; slot = (slot + 1) & this.#mask) {
      const held = this.#keys[slot];
      if (held === key || held === EMPTY) return slot;
    }
  }
}
