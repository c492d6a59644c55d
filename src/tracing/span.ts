// A span: one call of one endpoint, as a fixed record of 64 bytes in a ring.
//
//   word 0–3    trace id, 128 bits, most significant word first
//   word 4–5    span id              word 6–7    parent's span id, 0 for none
//   word 8–9    start, microseconds since the Unix epoch, float64
//   word 10–11  duration, microseconds, float64
//   word 12     name, caller (16 bits each: numbers of a table of texts)
//   word 13     error's code, 0 for none
//   word 14     flags
//   word 15     how many calls the span stands for, float32

/** Bytes of a record. */
export const SPAN_BYTES = 64;
export const SPAN_WORDS = SPAN_BYTES / 4;

/** The first span of its trace in this process. */
export const FLAG_ROOT = 1;
/** The caller was in another process: it sent a traceparent. */
export const FLAG_REMOTE_PARENT = 2;
/** It had not ended when its request did. */
export const FLAG_UNFINISHED = 4;

/** A span as the collector has it. */
export interface Span {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits. */
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly startMicros: number;
  readonly durationMicros: number;
  /** `service.endpoint` */
  readonly name: string;
  /** The endpoint, or the transport, that called. */
  readonly from: string;
  readonly host: string;
  /** A stable code. */
  readonly error: string | undefined;
  readonly flags: number;
  /** How many calls it stands for: 1 when it was kept for itself, 1 / rate when it was drawn. */
  readonly weight: number;
}

/** A record as a span. @param at its first word @param textOf the text of a number in it */
export function spanOfRecord(words: Uint32Array, at: number, textOf: (number: number) => string, host: string): Span {
  const floats = new Float64Array(words.buffer, words.byteOffset + at * 4, SPAN_WORDS / 2);
  const names = words[at + 12] as number;
  const error = (words[at + 13] as number) & 0xffff;
  const hasParent = words[at + 6] !== 0 || words[at + 7] !== 0;
  return {
    traceId: hexOfWords(words, at, 4),
    spanId: hexOfWords(words, at + 4, 2),
    parentId: hasParent ? hexOfWords(words, at + 6, 2) : undefined,
    startMicros: floats[4] as number,
    durationMicros: floats[5] as number,
    name: textOf(names & 0xffff),
    from: textOf(names >>> 16),
    host,
    error: error === 0 ? undefined : textOf(error),
    flags: words[at + 14] as number,
    weight: new Float32Array(words.buffer, words.byteOffset + at * 4, SPAN_WORDS)[15] as number,
  };
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Words as hexadecimal digits, eight each. */
export function hexOfWords(words: Uint32Array, from: number, count: number): string {
  let text = '';
  for (let i = from; i < from + count; i++) {
    const word = words[i] as number;
    text += HEX_OF_BYTE[word >>> 24];
    text += HEX_OF_BYTE[(word >>> 16) & 0xff];
    text += HEX_OF_BYTE[(word >>> 8) & 0xff];
    text += HEX_OF_BYTE[word & 0xff];
  }
  return text;
}
