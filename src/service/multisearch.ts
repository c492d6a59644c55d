// Several searches, answered as one map by one clock. A multisearch that runs long is continued in later turns of the event loop, so
// that it does not hold its thread for longer than one of its searches may.

import { RazielError } from '../errors.ts';
import type { DriverEngine, Ref, ReplyBuffer, SearchQuery } from '../drivers/engine.ts';
import { ANSWER_BYTES_MAX } from '../limits.ts';
import { packMessage } from '../protocol/codec.ts';
import { inSearch } from '../protocol/searches.ts';
import type { Answer } from './reply.ts';

const TURN_MS_MAX = 5;

const RESULTS_KEY = packMessage('results');
const REF_KEY = packMessage('ref');

/**
 * @throws RazielError (or rejects with one) SEARCH_TOO_WIDE of a search, naming its index; TOO_LARGE for answers of more than
 *   ANSWER_BYTES_MAX in all
 */
export function multisearch(
  engine: DriverEngine,
  queries: readonly SearchQuery[],
  nowMs: number,
  ref: Ref,
  reply: ReplyBuffer,
): Answer | Promise<Answer> {
  const offset = writeHead(reply, ref, queries.length);
  const turn = runTurn(engine, queries, 0, nowMs, reply, offset);
  if (turn.next === queries.length) return { kind: 'packed', length: turn.offset };
  // Other requests will write into the reply buffer meanwhile.
  const own: ReplyBuffer = { bytes: reply.bytes.slice(0, turn.offset) };
  return runRest(engine, queries, turn.next, nowMs, own, turn.offset);
}

async function runRest(
  engine: DriverEngine,
  queries: readonly SearchQuery[],
  from: number,
  nowMs: number,
  own: ReplyBuffer,
  start: number,
): Promise<Answer> {
  let next = from;
  let offset = start;
  while (next < queries.length) {
    await new Promise((resolve) => setImmediate(resolve));
    ({ next, offset } = runTurn(engine, queries, next, nowMs, own, offset));
  }
  return { kind: 'bytes', bytes: own.bytes.subarray(0, offset), encoding: 'msgpack' };
}

interface Turn {
  readonly next: number;
  readonly offset: number;
}

function runTurn(
  engine: DriverEngine,
  queries: readonly SearchQuery[],
  from: number,
  nowMs: number,
  out: ReplyBuffer,
  start: number,
): Turn {
  const deadline = performance.now() + TURN_MS_MAX;
  let offset = start;
  let next = from;
  while (next < queries.length) {
    try {
      offset = engine.search(queries[next] as SearchQuery, nowMs, undefined, out, offset);
      if (offset > ANSWER_BYTES_MAX) {
        throw new RazielError('TOO_LARGE', `the answers must take at most ${ANSWER_BYTES_MAX} bytes in all, got more`);
      }
    } catch (error) {
      throw error instanceof RazielError ? inSearch(error, next) : error;
    }
    next++;
    if (performance.now() >= deadline) break;
  }
  return { next, offset };
}

/** Writes `{ref?, results: [` of `count` entries. */
function writeHead(reply: ReplyBuffer, ref: Ref, count: number): number {
  const parts = ref === undefined ? [MAP_OF_1] : [MAP_OF_2, REF_KEY, packMessage(ref)];
  parts.push(RESULTS_KEY, Uint8Array.of(0xdc, count >> 8, count & 0xff));
  let offset = 0;
  for (const part of parts) {
    reply.bytes.set(part, offset);
    offset += part.length;
  }
  return offset;
}

const MAP_OF_1 = Uint8Array.of(0x81);
const MAP_OF_2 = Uint8Array.of(0x82);
