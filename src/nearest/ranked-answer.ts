// The answer of nearest-driver.search, put together of the rows that the engine wrote: one MessagePack map as docs/protocol.md has it.

import type { CandidateFinder } from '../drivers/candidate-table.ts';
import type { CandidateList } from '../drivers/candidates.ts';
import type { DriverEngine, Ref, ReplyBuffer } from '../drivers/engine.ts';
import type { EtaSource } from '../eta/travel-times.ts';
import { packMessage } from '../protocol/codec.ts';

const SMALL_MAP = 0x80;
const UINT32 = 0xce;
/** Of a row beside its pairs: the map's head and the travel time with its source. */
const ROW_EXTRA_MAX = 64;
const HEAD_MAX = 64;

const REF_KEY = packMessage('ref');
const DRIVERS_KEY = packMessage('drivers');
const TOOK_KEY = packMessage('tookMicros');
const VERSION_KEY = packMessage('version');
const FARE_KEY = packMessage('fare');

/** What an answer has beside its drivers. */
export interface RankedExtras {
  readonly ref: Ref;
  /** Microseconds, whole. */
  readonly tookMicros: number;
  /** Of the zones; undefined where they were not looked at. */
  readonly version: number | undefined;
  /** As PlacePolicy.packed, which is there where the version is. */
  readonly packedPolicy: Uint8Array;
  readonly fare: object | undefined;
}

/** The drivers of an answer. */
export interface RankedDrivers {
  readonly list: CandidateList;
  /** The first so many of the list's order. */
  readonly count: number;
  /** Of the travel times that the list's keys are; undefined where none were asked for. */
  readonly source: EtaSource | undefined;
  /** As in Estimate. */
  readonly unanswered: Uint8Array | undefined;
}

/** Writes `{ref?, drivers, tookMicros, version?, zones?, policy?, fare?}` from 0 and returns its length. */
export function writeRanked(
  engine: DriverEngine & Partial<CandidateFinder>,
  { list, count, source, unanswered }: RankedDrivers,
  extras: RankedExtras,
  out: ReplyBuffer,
): number {
  const { ref, tookMicros, version, packedPolicy } = extras;
  const packedRef = ref === undefined ? undefined : packMessage(ref);
  const fare = extras.fare === undefined ? undefined : packMessage(extras.fare);
  const policyLength = version === undefined ? 0 : packedPolicy.length;
  const needed =
    HEAD_MAX + (packedRef?.length ?? 0) + list.byteLength + count * ROW_EXTRA_MAX + policyLength + (fare?.length ?? 0);
  if (out.bytes.length < needed) out.bytes = new Uint8Array(2 * needed);
  const to = out.bytes;
  let at = 0;
  const pairs = 2 + (packedRef === undefined ? 0 : 1) + (version === undefined ? 0 : 3) + (fare === undefined ? 0 : 1);
  to[at++] = SMALL_MAP | pairs;
  if (packedRef !== undefined) at = append(to, append(to, at, REF_KEY), packedRef);
  at = append(to, at, DRIVERS_KEY);
  at = list.writeRanked(engine, count, source, unanswered, out, at);
  at = appendUint32(to, append(to, at, TOOK_KEY), tookMicros);
  if (version !== undefined) {
    at = append(to, at, VERSION_KEY);
    at = version < 2 ** 32 ? appendUint32(to, at, version) : append(to, at, packMessage(version));
    at = append(to, at, packedPolicy);
  }
  if (fare !== undefined) at = append(to, append(to, at, FARE_KEY), fare);
  return at;
}

/** Byte by byte, which for so few is faster than a call. */
function append(to: Uint8Array, start: number, bytes: Uint8Array): number {
  let at = start;
  for (let i = 0; i < bytes.length; i++) to[at++] = bytes[i] as number;
  return at;
}

function appendUint32(to: Uint8Array, at: number, value: number): number {
  to[at] = UINT32;
  to[at + 1] = value >>> 24;
  to[at + 2] = value >>> 16;
  to[at + 3] = value >>> 8;
  to[at + 4] = value;
  return at + 5;
}
