// Spans on their way to another server's collector, some twenty in a datagram. Each datagram stands for itself: it brings the texts that its
// spans name.
//
//   magic "RZLT", version 1 (1 byte), 0 (1 byte), length of the whole (uint16), texts (uint16), spans (uint16)
//   the texts, each a length (1 byte) and UTF-8; the first is the host
//   the spans, SPAN_WIRE_BYTES each
//
// Numbers are little-endian. What comes over UDP may be anything: a datagram that is not whole and plausible is none.

import { TRACE_DATAGRAM_BYTES_MAX, TRACE_STRING_BYTES_MAX } from '../limits.ts';
import type { Span } from './span.ts';

const MAGIC = 0x544c5a52;
const VERSION = 1;
const HEAD_BYTES = 12;
/** Trace id 16, span id 8, parent 8, start 8, duration 8, weight 4, name 2, from 2, error 2, flags 2. */
const SPAN_WIRE_BYTES = 60;
const NO_TEXT = 0xffff;
const NO_PARENT = '0000000000000000';
const NO_TRACE = '00000000000000000000000000000000';
/** The year 2255 and eleven days: what is later or longer is no span. */
const START_MICROS_MAX = 9e15;
const DURATION_MICROS_MAX = 1e12;
const WEIGHT_MAX = 1e9;

/** Collects spans of one host into datagrams. */
export class DatagramWriter {
  readonly #send: (datagram: Uint8Array) => void;
  readonly #bytesMax: number;
  readonly #numbers = new Map<string, number>();
  #texts: Buffer[] = [];
  #textBytes = 0;
  #spans: Span[] = [];
  #host = '';

  /** @param send is called with each datagram that is full, or flushed; the bytes are its own */
  constructor(send: (datagram: Uint8Array) => void, bytesMax = TRACE_DATAGRAM_BYTES_MAX) {
    this.#send = send;
    this.#bytesMax = bytesMax;
  }

  add(span: Span): void {
    if (span.host !== this.#host) this.flush();
    const needed = this.#missing([span.host, span.name, span.from, span.error ?? '']) + SPAN_WIRE_BYTES;
    if (this.#length + needed > this.#bytesMax) this.flush();
    this.#host = span.host;
    for (const text of [span.host, span.name, span.from, span.error]) if (text !== undefined) this.#number(text);
    this.#spans.push(span);
  }

  /** Sends what there is. */
  flush(): void {
    if (this.#spans.length > 0) this.#send(this.#encode());
    this.#numbers.clear();
    this.#texts = [];
    this.#textBytes = 0;
    this.#spans = [];
  }

  get #length(): number {
    return HEAD_BYTES + this.#textBytes + this.#spans.length * SPAN_WIRE_BYTES;
  }

  /** Bytes that the texts that are not there yet would take, at most. */
  #missing(texts: readonly string[]): number {
    let bytes = 0;
    for (const text of texts) if (!this.#numbers.has(text)) bytes += 1 + TRACE_STRING_BYTES_MAX;
    return bytes;
  }

  #number(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const utf8 = Buffer.from(text).subarray(0, TRACE_STRING_BYTES_MAX);
    const number = this.#texts.length;
    this.#texts.push(utf8);
    this.#textBytes += 1 + utf8.length;
    this.#numbers.set(text, number);
    return number;
  }

  #encode(): Uint8Array {
    const bytes = Buffer.alloc(this.#length);
    bytes.writeUInt32LE(MAGIC, 0);
    bytes[4] = VERSION;
    bytes.writeUInt16LE(bytes.length, 6);
    bytes.writeUInt16LE(this.#texts.length, 8);
    bytes.writeUInt16LE(this.#spans.length, 10);
    let at = HEAD_BYTES;
    for (const text of this.#texts) {
      bytes[at] = text.length;
      bytes.set(text, at + 1);
      at += 1 + text.length;
    }
    for (const span of this.#spans) {
      bytes.write(span.traceId, at, 'hex');
      bytes.write(span.spanId, at + 16, 'hex');
      bytes.write(span.parentId ?? NO_PARENT, at + 24, 'hex');
      bytes.writeDoubleLE(span.startMicros, at + 32);
      bytes.writeDoubleLE(span.durationMicros, at + 40);
      bytes.writeFloatLE(span.weight, at + 48);
      bytes.writeUInt16LE(this.#number(span.name), at + 52);
      bytes.writeUInt16LE(this.#number(span.from), at + 54);
      bytes.writeUInt16LE(span.error === undefined ? NO_TEXT : this.#number(span.error), at + 56);
      bytes.writeUInt16LE(span.flags & 0xffff, at + 58);
      at += SPAN_WIRE_BYTES;
    }
    return bytes;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The spans of a datagram; undefined for what is none. Never throws. */
export function readDatagram(bytes: Uint8Array): Span[] | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isOurs = view.getUint32(0, true) === MAGIC && bytes[4] === VERSION && bytes[5] === 0;
  if (!isOurs || view.getUint16(6, true) !== bytes.length) return undefined;
  const textCount = view.getUint16(8, true);
  const spanCount = view.getUint16(10, true);
  const texts: string[] = [];
  let at = HEAD_BYTES;
  for (let i = 0; i < textCount; i++) {
    const length = bytes[at] ?? 0;
    if (length === 0 || length > TRACE_STRING_BYTES_MAX || at + 1 + length > bytes.length) return undefined;
    const text = readText(bytes.subarray(at + 1, at + 1 + length));
    if (text === undefined) return undefined;
    texts.push(text);
    at += 1 + length;
  }
  const [host] = texts;
  if (host === undefined || bytes.length - at !== spanCount * SPAN_WIRE_BYTES) return undefined;
  const spans: Span[] = [];
  for (; at < bytes.length; at += SPAN_WIRE_BYTES) {
    const span = readSpan(bytes, view, at, texts, host);
    if (span === undefined) return undefined;
    spans.push(span);
  }
  return spans;
}

function readText(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function readSpan(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  texts: readonly string[],
  host: string,
): Span | undefined {
  const hex = (from: number, to: number): string => Buffer.from(bytes.subarray(at + from, at + to)).toString('hex');
  const traceId = hex(0, 16);
  const spanId = hex(16, 24);
  const parentId = hex(24, 32);
  const startMicros = view.getFloat64(at + 32, true);
  const durationMicros = view.getFloat64(at + 40, true);
  const weight = view.getFloat32(at + 48, true);
  const name = texts[view.getUint16(at + 52, true)];
  const from = texts[view.getUint16(at + 54, true)];
  const errorNumber = view.getUint16(at + 56, true);
  const error = errorNumber === NO_TEXT ? undefined : texts[errorNumber];
  const isWhole =
    traceId !== NO_TRACE &&
    spanId !== NO_PARENT &&
    startMicros >= 0 &&
    startMicros <= START_MICROS_MAX &&
    durationMicros >= 0 &&
    durationMicros <= DURATION_MICROS_MAX &&
    weight >= 1 &&
    weight <= WEIGHT_MAX &&
    (errorNumber === NO_TEXT || error !== undefined);
  if (!isWhole || name === undefined || from === undefined) return undefined;
  return {
    traceId,
    spanId,
    parentId: parentId === NO_PARENT ? undefined : parentId,
    startMicros,
    durationMicros,
    name,
    from,
    host,
    error,
    flags: view.getUint16(at + 58, true),
    weight,
  };
}
