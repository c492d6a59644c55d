// The ring of one serving thread, as the tracing thread empties it: its records go into the store as they are, with the numbers of their texts
// translated, and are made spans of for those who want such.

import { TRACE_RING_SPANS } from '../limits.ts';
import { SpanRing } from './ring.ts';
import type { SharedTracing } from './shared.ts';
import { type Span, spanOfRecord } from './span.ts';
import type { SpanStore } from './store.ts';
import { Strings } from './strings.ts';

export class SpanSource {
  readonly #ring: SpanRing;
  readonly #strings: Strings;
  readonly #host: string;
  /** What the table's numbers are in the store's. */
  readonly #translated: number[] = [];

  constructor({ ring, strings }: Pick<SharedTracing, 'ring' | 'strings'>, host: string) {
    this.#ring = new SpanRing(ring);
    this.#strings = new Strings(strings);
    this.#host = host;
  }

  /**
   * Empties the ring.
   * @param store where records go, if anywhere
   * @param take is given every span, if anybody wants them
   * @returns how many there were
   */
  drain(store: SpanStore | undefined, take: ((span: Span) => void) | undefined): number {
    const textOf = (number: number): string => this.#strings.text(number);
    const numberOf = (number: number): number => this.#translate(number, store as SpanStore);
    const host = store?.intern(this.#host) ?? 0;
    return this.#ring.drain(TRACE_RING_SPANS, (words, at) => {
      store?.add(words, at, numberOf, host);
      take?.(spanOfRecord(words, at, textOf, this.#host));
    });
  }

  #translate(number: number, store: SpanStore): number {
    const known = this.#translated[number];
    if (known !== undefined) return known;
    const translated = store.intern(this.#strings.text(number));
    this.#translated[number] = translated;
    return translated;
  }
}
