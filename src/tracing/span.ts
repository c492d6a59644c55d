// A span: one call of one endpoint, as a fixed record of 64 bytes. Rings, datagrams and the store of traces hold these.
//
//   word 0–3    trace id, 128 bits, most significant word first
//   word 4–5    span id              word 6–7    parent's span id, 0 for none
//   word 8–9    start, microseconds since the Unix epoch, float64
//   word 10–11  duration, microseconds, float64
//   word 12     name, caller (16 bits each: numbers of a table of texts)
//   word 13     error's code, 0 for none; host
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

export function hexOfWords(words: Uint32Array, from: number, count: number): string {
  let text = '';
  for (let i = from; i < from + count; i++) text += (words[i] as number).toString(16).padStart(8, '0');
  return text;
}
