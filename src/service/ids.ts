// Answers with fresh ids: decimal strings in JSON, since no JSON number holds 64 bits everywhere, and uint64 in MessagePack. msgpackr would
// write a bigint as int64, so their nine bytes are written here.

import type { Ref } from '../drivers/engine.ts';
import type { IdGenerator } from '../ids/generator.ts';
import { highOfStep, idOfStep, lowOfStep } from '../ids/layout.ts';
import { type Encoding, packMessage } from '../protocol/codec.ts';
import type { Answer } from './reply.ts';

const MAP_OF_1 = 0x81;
const MAP_OF_2 = 0x82;
const ARRAY_16 = 0xdc;
const UINT_64 = 0xcf;
const REF_KEY = packMessage('ref');
const IDS_KEY = packMessage('ids');

/**
 * @param n 1..IDS_PER_REQUEST_MAX
 * @throws RazielError as IdGenerator.takeSteps
 */
export function answerIds(ids: IdGenerator, n: number, ref: Ref, encoding: Encoding): Answer {
  const first = ids.takeSteps(n);
  if (encoding === 'msgpack') return { kind: 'bytes', bytes: packIds(first, n, ids.machine, ref), encoding };
  const texts = Array.from({ length: n }, (_, i) => idOfStep(first + i, ids.machine).toString());
  return { kind: 'value', value: ref === undefined ? { ids: texts } : { ref, ids: texts } };
}

/** `{ref?, ids: [uint64, …]}` */
function packIds(first: number, n: number, machine: number, ref: Ref): Uint8Array {
  const head = ref === undefined ? [MAP_OF_1, ...IDS_KEY] : [MAP_OF_2, ...REF_KEY, ...packMessage(ref), ...IDS_KEY];
  head.push(ARRAY_16, n >> 8, n & 0xff);
  const bytes = new Uint8Array(head.length + n * 9);
  bytes.set(head);
  const view = new DataView(bytes.buffer);
  for (let i = 0, at = head.length; i < n; i++, at += 9) {
    bytes[at] = UINT_64;
    view.setUint32(at + 1, highOfStep(first + i));
    view.setUint32(at + 5, lowOfStep(first + i, machine));
  }
  return bytes;
}
