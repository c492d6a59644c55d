// A set of page numbers, a bit each.

export class PageSet {
  readonly #bits: Uint8Array;
  readonly #pages: number;
  count = 0;

  constructor(pages: number) {
    this.#pages = pages;
    this.#bits = new Uint8Array(Math.ceil(pages / 8));
  }

  /** False, and perhaps some of them added, when one is in the set already or past its end. */
  add(first: number, count: number): boolean {
    if (first + count > this.#pages || this.hasAny(first, count)) return false;
    for (let page = first; page < first + count; page++) {
      this.#bits[page >> 3] = (this.#bits[page >> 3] as number) | (1 << (page & 7));
    }
    this.count += count;
    return true;
  }

  hasAny(first: number, count: number): boolean {
    const end = Math.min(first + count, this.#pages);
    for (let page = first; page < end; page++) {
      if (((this.#bits[page >> 3] as number) & (1 << (page & 7))) !== 0) return true;
    }
    return false;
  }
}
