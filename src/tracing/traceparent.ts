// W3C Trace Context (https://www.w3.org/TR/trace-context/): the header by which a trace goes on from one process to the next.
//
//   traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//
// A header that is not of that form is as good as none: the trace begins anew.

/** A caller's place in its trace, as 32-bit words. */
export interface TraceParent {
  /** Four words, most significant first; not all 0. */
  readonly traceId: readonly [number, number, number, number];
  /** Two words; not both 0. */
  readonly spanId: readonly [number, number];
  /** The caller records the trace. */
  readonly sampled: boolean;
}

/** Version 00 is this form exactly; a later one may go on behind another dash. */
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const LENGTH = 55;
const LENGTH_MAX = 512;

/** Undefined for what is no traceparent, ids of zeros and version ff included. */
export function readTraceparent(text: unknown): TraceParent | undefined {
  if (typeof text !== 'string' || text.length < LENGTH || text.length > LENGTH_MAX) return undefined;
  const parts = FORM.exec(text);
  if (parts === null) return undefined;
  const [, version = '', trace = '', span = '', flags = '', rest] = parts;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  const traceId = [word(trace, 0), word(trace, 1), word(trace, 2), word(trace, 3)] as const;
  const spanId = [word(span, 0), word(span, 1)] as const;
  if (traceId.every((part) => part === 0) || spanId.every((part) => part === 0)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

function word(digits: string, at: number): number {
  return Number.parseInt(digits.slice(at * 8, at * 8 + 8), 16);
}

/** @param traceId 32 hexadecimal digits @param spanId 16 */
export function writeTraceparent(traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
