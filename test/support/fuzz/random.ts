// A seeded source of randomness, and the few draws that the fuzz test makes.

import { seededRandom } from '../../../src/demo/random.ts';

export class Random {
  /** 0 ≤ x < 1. */
  readonly unit: () => number;

  constructor(seed: number) {
    this.unit = seededRandom(seed);
  }

  /** 0 ≤ n < end, whole. */
  below(end: number): number {
    return Math.floor(this.unit() * end);
  }

  between(from: number, to: number): number {
    return from + this.unit() * (to - from);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}
