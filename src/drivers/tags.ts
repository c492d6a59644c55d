// The distinct tags in use: how many live drivers carry each, so that a tag that nobody carries any more makes room for another.

import { TAGS_DISTINCT_MAX } from '../limits.ts';

export class TagCounts {
  readonly #drivers = new Map<string, number>();

  /** Distinct tags in use. */
  get size(): number {
    return this.#drivers.size;
  }

  /** Whether all of these (distinct) can be in use at once with those that are now. */
  canHold(tags: readonly string[]): boolean {
    let fresh = 0;
    for (const tag of tags) if (!this.#drivers.has(tag)) fresh++;
    return this.#drivers.size + fresh <= TAGS_DISTINCT_MAX;
  }

  add(tags: readonly string[]): void {
    for (const tag of tags) this.#drivers.set(tag, (this.#drivers.get(tag) ?? 0) + 1);
  }

  remove(tags: readonly string[]): void {
    for (const tag of tags) {
      const left = (this.#drivers.get(tag) ?? 0) - 1;
      if (left > 0) this.#drivers.set(tag, left);
      else this.#drivers.delete(tag);
    }
  }
}
