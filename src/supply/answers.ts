// The answer of a supply, and the bound on how many are counted at once.

import type { Ref } from '../drivers/engine.ts';
import { RazielError } from '../errors.ts';
import { type Encoding, packMessage } from '../protocol/codec.ts';
import type { SupplyQuery } from '../protocol/requests.ts';
import type { SupplyTally } from './tally.ts';

/** Supplies that may be under way at once for a serving thread. */
export const SUPPLIES_MAX = 8;

export function encodeSupply(tally: SupplyTally, query: SupplyQuery, ref: Ref, encoding: Encoding): Uint8Array {
  const answer = { ...(ref === undefined ? {} : { ref }), resolution: query.resolution, cells: tally.cells() };
  return encoding === 'msgpack' ? packMessage(answer) : Buffer.from(JSON.stringify(answer));
}

export function tooMany(): RazielError {
  return new RazielError('OVERLOADED', `at most ${SUPPLIES_MAX} supplies are counted at once`);
}
