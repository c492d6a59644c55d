// The answer of nearest-driver.search, put together of the rows that the engine wrote: one MessagePack map as docs/protocol.md has it.

import type { CandidateList } from '../drivers/candidates.ts';
import type { Ref, ReplyBuffer } from '../drivers/engine.ts';
import type { Estimate, EtaSource } from '../eta/travel-times.ts';
import { packMessage } from '../protocol/codec.ts';

const SMALL_MAP = 0x80;
const FLOAT64 = 0xcb;
/** Of a row beside its pairs: the map's head and the travel time with its source. */
const ROW_EXTRA_MAX = 64;
const HEAD_MAX = 32;

const REF_KEY = packMessage('ref');
const DRIVERS_KEY = packMessage('drivers');
const ETA_KEY = packMessage('eta');
const SOURCES = {
  learned: concat(packMessage('etaSource'), packMessage('learned')),
  osrm: concat(packMessage('etaSource'), packMessage('osrm')),
  valhalla: concat(packMessage('etaSource'), packMessage('valhalla')),
} as const satisfies Readonly<Record<EtaSource, Uint8Array>>;

/** The travel times of an answer. */
export interface AnsweredTimes extends Estimate {
  /** By row. */
  readonly seconds: Float64Array;
}

/**
 * Writes `{ref?, drivers, …rest}` from 0 and returns its length.
 * @param order rows in the order of the answer, `count` of them
 * @param times undefined where no travel times were asked for
 * @param rest the other fields, at most 12
 */
export function writeRanked(
  list: CandidateList,
  order: Int32Array,
  count: number,
  times: AnsweredTimes | undefined,
  rest: object,
  ref: Ref,
  out: ReplyBuffer,
): number {
  const tail = packMessage(rest);
  const packedRef = ref === undefined ? undefined : packMessage(ref);
  const needed = HEAD_MAX + (packedRef?.length ?? 0) + list.byteLength + count * ROW_EXTRA_MAX + tail.length;
  if (out.bytes.length < needed) out.bytes = new Uint8Array(2 * needed);
  const to = out.bytes;
  let at = 0;
  to[at++] = SMALL_MAP | (1 + ((tail[0] as number) & 0x0f) + (packedRef === undefined ? 0 : 1));
  if (packedRef !== undefined) {
    at = append(to, at, REF_KEY);
    at = append(to, at, packedRef);
  }
  at = append(to, at, DRIVERS_KEY);
  to[at++] = 0xdc;
  to[at++] = count >> 8;
  to[at++] = count & 0xff;
  const from = list.bytes;
  const view = times === undefined ? undefined : new DataView(to.buffer, to.byteOffset, to.byteLength);
  const source = times === undefined ? undefined : SOURCES[times.source];
  for (let i = 0; i < count; i++) {
    const row = order[i] as number;
    to[at++] = SMALL_MAP | (list.pairs(row) + (times === undefined ? 0 : 2));
    const end = list.end(row);
    for (let byte = list.start(row); byte < end; byte++) to[at++] = from[byte] as number;
    if (times === undefined || source === undefined) continue;
    const said = times.unanswered?.[row] === 1 ? SOURCES.learned : source;
    for (let byte = 0; byte < ETA_KEY.length; byte++) to[at++] = ETA_KEY[byte] as number;
    to[at++] = FLOAT64;
    view?.setFloat64(at, times.seconds[row] as number);
    at += 8;
    for (let byte = 0; byte < said.length; byte++) to[at++] = said[byte] as number;
  }
  to.set(tail.subarray(1), at);
  return at + tail.length - 1;
}

function append(to: Uint8Array, at: number, bytes: Uint8Array): number {
  to.set(bytes, at);
  return at + bytes.length;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
