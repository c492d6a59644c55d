// Candidates of the engines that are not built for speed: by answers that are decoded and encoded again. Does what the native engine does
// (native/src/candidates.h), and is what that is compared with.

import { Packr } from 'msgpackr';
import { type CandidateSearch, type CandidateTable, STRIDE } from './candidate-table.ts';
import type { DriverEngine, ReplyBuffer } from './engine.ts';

const packr = new Packr({ useRecords: false, variableMapSize: true });
/** Of travel times that the source asked did not know. */
const DEFAULT_SOURCE = 'learned';
const REPLY_BYTES_INITIAL = 16 * 1024;

/** As CandidateFinder.candidates. */
export function fillSlowly(engine: DriverEngine, search: CandidateSearch, nowMs: number, into: CandidateTable): number {
  const reply: ReplyBuffer = { bytes: new Uint8Array(REPLY_BYTES_INITIAL) };
  const rows = new Map<string, number>();
  const packed: Uint8Array[] = [];
  let found = 0;
  let bytes = 0;
  search.groups.forEach((tags, group) => {
    for (const driver of foundBy(engine, search, tags, nowMs, reply)) {
      const id = driver['id'] as string;
      let row = rows.get(id);
      if (row === undefined) {
        row = rows.size;
        rows.set(id, row);
        // The head is one byte: a driver has eight fields at most.
        const pairs = packr.pack(driver).subarray(1);
        const { lat, lon, distance, heading = Number.NaN, speed = Number.NaN } = driver as Record<string, number>;
        const numbers = [lat, lon, distance, heading, speed, Object.keys(driver).length, bytes, bytes + pairs.length];
        into.rows.set(numbers.map(Number), STRIDE * row);
        packed.push(pairs);
        bytes += pairs.length;
      }
      into.found[found++] = row;
    }
    into.ends[group] = found;
  });
  if (bytes > into.bytes.length) return -bytes;
  into.bytes.set(Buffer.concat(packed));
  return rows.size;
}

function foundBy(
  engine: DriverEngine,
  { query, k, radiusMeters, notTags }: CandidateSearch,
  tags: readonly string[],
  nowMs: number,
  reply: ReplyBuffer,
): Record<string, unknown>[] {
  const { ranking: _, explain: __, ...plain } = query;
  const asked = { ...plain, k, radiusMeters, tags, ...(notTags === undefined ? {} : { notTags }) };
  const length = engine.search(asked, nowMs, undefined, reply, 0);
  return (packr.unpack(reply.bytes.subarray(0, length)) as { drivers: Record<string, unknown>[] }).drivers;
}

/** As CandidateFinder.writeRanked. */
export function writeSlowly(
  from: CandidateTable,
  count: number,
  source: string | undefined,
  unanswered: Uint8Array | undefined,
  out: ReplyBuffer,
  offset: number,
): number {
  const drivers = Array.from(from.order.subarray(0, count), (row) => {
    const [pairs = 0, start = 0, end = 0] = from.rows.subarray(STRIDE * row + 5, STRIDE * row + STRIDE);
    const driver = packr.unpack(Buffer.concat([Uint8Array.of(0x80 | pairs), from.bytes.subarray(start, end)]));
    if (source === undefined) return driver;
    return { ...driver, eta: from.keys[row], etaSource: unanswered?.[row] === 1 ? DEFAULT_SOURCE : source };
  });
  const bytes = packr.pack(drivers);
  out.bytes.set(bytes, offset);
  return offset + bytes.length;
}
