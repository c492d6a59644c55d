// Answers as JSON, a slice at a time.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { packMessage, unpackMessage } from '../../../src/protocol/codec.ts';
import { MessagePackToJson } from '../../../src/protocol/msgpack-to-json.ts';

const SEED = 7404;

/** The text, and how many runs it took. */
function rewrite(bytes: Uint8Array, deadline = Number.POSITIVE_INFINITY): { text: string; runs: number } {
  const rewriting = new MessagePackToJson(bytes);
  let runs = 1;
  while (!rewriting.run(deadline)) runs++;
  return { text: Buffer.from(rewriting.text).toString(), runs };
}

const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, -0, -1, 127, 128, -32, -33, 255, 256, 65_535, 65_536, 2 ** 32, -(2 ** 31)),
    fc.double(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 20 }),
    // Names that are no indices: objects put those first.
    fc.dictionary(
      fc.string({ maxLength: 40 }).map((name) => `n${name}`),
      tie('value'),
      { maxKeys: 20 },
    ),
  ),
})).value;

test(`is what JSON.stringify makes of the decoded value (seed ${SEED})`, () => {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = packMessage(value);
      const { text } = rewrite(bytes);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(unpackMessage(bytes))));
      expect(text).toBe(JSON.stringify(unpackMessage(bytes)));
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});

test('goes on where it stopped, however short its turns are', () => {
  const value = { drivers: Array.from({ length: 2_000 }, (_, i) => ({ id: `d"${i}`, lat: i / 7, tags: ['a', 'é'] })) };
  const { text, runs } = rewrite(packMessage(value), 0);
  expect(text).toBe(JSON.stringify(value));
  expect(runs).toBeGreaterThan(100);
});

test('lies anywhere in a larger buffer', () => {
  const bytes = packMessage([1.5, 'x', { a: 2 ** 40 }]);
  const larger = Buffer.concat([Buffer.of(0xc1), bytes, Buffer.of(0xc1)]);
  expect(rewrite(larger.subarray(1, 1 + bytes.length)).text).toBe('[1.5,"x",{"a":1099511627776}]');
});
