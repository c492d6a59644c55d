// The collector's memory: the spans that came last, as records of 64 bytes in one ring, the oldest overwritten first. Adding one is copying
// sixteen words. Who asks pays: a trace is found by looking at every record, a tenth of a millisecond per ten thousand.
//
// Records are those of span.ts, but that word 13 has the host in its upper half, and that all texts are numbers of the store's own table.

import { TRACE_SPANS_PER_TRACE_MAX, TRACE_TEXTS_MAX } from '../limits.ts';
import { hexOfWords, SPAN_WORDS, type Span, spanOfRecord } from './span.ts';
import { UNNAMED } from './strings.ts';
import { summaryOf, type TraceSummary } from './tree.ts';

export interface TraceFilter {
  /** A service (`zoning`) or an endpoint (`zoning.search`) that the trace has a span of. */
  readonly service?: string | undefined;
  /** Duration of the trace's first span at least. */
  readonly minMs?: number | undefined;
  /** With a failed span. */
  readonly error?: boolean | undefined;
  readonly limit: number;
}

const SPANS_INITIAL = 4_096;
/** A multiplier that spreads ids over a table (Knuth's). */
const SPREAD = 0x9e3779b1;
const NONE = -1;

export class SpanStore {
  readonly #spansMax: number;
  #words: Uint32Array<ArrayBuffer>;
  #floats: Float64Array;
  #capacity: number;
  /** Records ever added. */
  #added = 0;
  readonly #texts: string[] = [UNNAMED];
  readonly #numbers = new Map<string, number>([[UNNAMED, 0]]);

  /** @param spansMax held at most */
  constructor(spansMax: number) {
    this.#spansMax = spansMax;
    this.#capacity = Math.min(spansMax, SPANS_INITIAL);
    this.#words = new Uint32Array(this.#capacity * SPAN_WORDS);
    this.#floats = new Float64Array(this.#words.buffer);
  }

  get spans(): number {
    return Math.min(this.#added, this.#capacity);
  }

  /**
   * The number of a text; 0 past `max`.
   * @param max less for texts of strangers than for one's own, which are then known by their names whatever comes
   */
  intern(text: string, max = TRACE_TEXTS_MAX): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.#texts.length >= max) return 0;
    const number = this.#texts.push(text) - 1;
    this.#numbers.set(text, number);
    return number;
  }

  /**
   * Copies a record.
   * @param numberOf what a number of the record's own table is in this one
   */
  add(words: Uint32Array, from: number, numberOf: (number: number) => number, host: number): void {
    const at = this.#place();
    const own = this.#words;
    for (let i = 0; i < SPAN_WORDS; i++) own[at + i] = words[from + i] as number;
    const names = words[from + 12] as number;
    const error = words[from + 13] as number;
    own[at + 12] = numberOf(names & 0xffff) | (numberOf(names >>> 16) << 16);
    own[at + 13] = (error === 0 ? 0 : numberOf(error)) | (host << 16);
  }

  /** A span of another server. */
  addSpan(span: Span): void {
    const max = TRACE_TEXTS_MAX / 2;
    const at = this.#place();
    const words = this.#words;
    setHex(words, at, span.traceId);
    setHex(words, at + 4, span.spanId);
    setHex(words, at + 6, span.parentId ?? NO_PARENT);
    this.#floats[at / 2 + 4] = span.startMicros;
    this.#floats[at / 2 + 5] = span.durationMicros;
    words[at + 12] = this.intern(span.name, max) | (this.intern(span.from, max) << 16);
    // An error whose code found no room is still one.
    const error = span.error === undefined ? 0 : this.intern(span.error, max) || this.intern(OTHER_ERROR);
    words[at + 13] = error | (this.intern(span.host, max) << 16);
    words[at + 14] = span.flags;
    new Float32Array(words.buffer, at * 4, SPAN_WORDS)[15] = span.weight;
  }

  /** The spans of a trace, each once, TRACE_SPANS_PER_TRACE_MAX of them at most; undefined for a trace that is not held. */
  spansOf(traceId: string): readonly Span[] | undefined {
    const id = new Uint32Array(4);
    setHex(id, 0, traceId);
    const spans = new Map<string, Span>();
    for (let i = this.#oldest(); i < this.#added && spans.size < TRACE_SPANS_PER_TRACE_MAX; i++) {
      const at = this.#at(i);
      if (!isTrace(this.#words, at, id, 0)) continue;
      const span = this.#span(at);
      // A datagram may come twice.
      if (!spans.has(span.spanId)) spans.set(span.spanId, span);
    }
    return spans.size === 0 ? undefined : [...spans.values()];
  }

  /** The newest first, by their newest spans. */
  find(filter: TraceFilter): TraceSummary[] {
    const found: TraceSummary[] = [];
    const { newest, older } = this.#chains();
    const first = this.#oldest();
    const services = this.#numbersOf(filter.service);
    for (const last of newest) {
      if (found.length >= filter.limit) break;
      const places: number[] = [];
      for (let i = last; i !== NONE && places.length < TRACE_SPANS_PER_TRACE_MAX; i = older[i - first] as number) {
        places.push(this.#at(i));
      }
      if (!this.#mayMatch(places, filter, services)) continue;
      const spans = [...new Map(places.map((at) => this.#span(at)).map((span) => [span.spanId, span])).values()];
      if (matches(spans, filter)) found.push(summaryOf(spans));
    }
    return found;
  }

  /** Ids of the traces held. */
  traceIds(): Set<string> {
    return new Set(this.#chains().newest.map((i) => hexOfWords(this.#words, this.#at(i), 4)));
  }

  /** Whether a trace of these records may pass the filter, by a look at the numbers in them. */
  #mayMatch(
    places: readonly number[],
    { minMs, error }: TraceFilter,
    services: ReadonlySet<number> | undefined,
  ): boolean {
    const words = this.#words;
    if (error !== undefined && places.some((at) => ((words[at + 13] as number) & 0xffff) !== 0) !== error) return false;
    if (services !== undefined && !places.some((at) => services.has((words[at + 12] as number) & 0xffff))) return false;
    return minMs === undefined || places.some((at) => (this.#floats[at / 2 + 5] as number) >= minMs * 1000);
  }

  /** The numbers of a service's endpoints. */
  #numbersOf(service: string | undefined): ReadonlySet<number> | undefined {
    if (service === undefined) return undefined;
    return new Set([...this.#numbers].filter(([text]) => isOf(text, service)).map(([, number]) => number));
  }

  /** The newest record of each trace, the newest first, and for each record the next older one of its trace. */
  #chains(): { readonly newest: readonly number[]; readonly older: Int32Array } {
    const first = this.#oldest();
    const count = this.#added - first;
    const older = new Int32Array(count).fill(NONE);
    const size = 2 ** Math.ceil(Math.log2(count * 2 + 2));
    // For each trace the oldest record of it that was met so far.
    const table = new Int32Array(size).fill(NONE);
    const newest: number[] = [];
    const words = this.#words;
    for (let i = this.#added - 1; i >= first; i--) {
      const at = this.#at(i);
      let slot = (Math.imul((words[at + 3] as number) ^ (words[at + 2] as number), SPREAD) >>> 0) & (size - 1);
      while (table[slot] !== NONE && !isTrace(words, this.#at(table[slot] as number), words, at)) {
        slot = (slot + 1) & (size - 1);
      }
      const later = table[slot] as number;
      if (later === NONE) newest.push(i);
      else older[later - first] = i;
      table[slot] = i;
    }
    return { newest, older };
  }

  #oldest(): number {
    return Math.max(0, this.#added - this.#capacity);
  }

  /** The first word of a record by its number. */
  #at(number: number): number {
    return (number % this.#capacity) * SPAN_WORDS;
  }

  /** The first word of the next record. */
  #place(): number {
    if (this.#added === this.#capacity && this.#capacity < this.#spansMax) {
      this.#capacity = Math.min(this.#spansMax, this.#capacity * 2);
      const grown = new Uint32Array(this.#capacity * SPAN_WORDS);
      grown.set(this.#words);
      this.#words = grown;
      this.#floats = new Float64Array(grown.buffer);
    }
    return this.#at(this.#added++);
  }

  #span(at: number): Span {
    const textOf = (number: number): string => this.#texts[number] ?? UNNAMED;
    return spanOfRecord(this.#words, at, textOf, textOf((this.#words[at + 13] as number) >>> 16));
  }
}

const NO_PARENT = '0000000000000000';
const OTHER_ERROR = '(other error)';

/** @param hex eight digits a word */
function setHex(words: Uint32Array, at: number, hex: string): void {
  for (let i = 0; i * 8 < hex.length; i++) words[at + i] = Number.parseInt(hex.slice(i * 8, i * 8 + 8), 16);
}

/** Whether two records, or a record and an id, are of one trace. The last word differs most. */
function isTrace(a: Uint32Array, atA: number, b: Uint32Array, atB: number): boolean {
  return a[atA + 3] === b[atB + 3] && a[atA + 2] === b[atB + 2] && a[atA + 1] === b[atB + 1] && a[atA] === b[atB];
}

export function matches(spans: readonly Span[], { service, minMs, error }: TraceFilter): boolean {
  if (minMs !== undefined && summaryOf(spans).durationMicros < minMs * 1000) return false;
  if (error !== undefined && spans.some((span) => span.error !== undefined) !== error) return false;
  if (service === undefined) return true;
  return spans.some(({ name }) => isOf(name, service));
}

/** @param service or service.endpoint */
function isOf(name: string, service: string): boolean {
  return name === service || (name.startsWith(service) && name[service.length] === '.');
}
