// The hand-read frame of zonesAt beside the long way round: what it takes it reads as that does, and it takes nothing that is refused.

import * as fc from 'fast-check';
import { pack, Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { unpackMessage } from '../../../src/protocol/codec.ts';
import { openFrame } from '../../../src/protocol/frames.ts';
import { HotZonesAt } from '../../../src/protocol/hot-zones-at.ts';

const SEED = 7_400;
const hot = new HotZonesAt();
const short = new Packr({ useRecords: false, variableMapSize: true });

/** What the hand-read frame says, in the shape of a request; undefined for one that is not taken. */
function readByHand(bytes: Uint8Array): unknown {
  if (!hot.read(bytes)) return undefined;
  const { lat, lon, layer, ref } = hot;
  return { ref: ref === undefined ? undefined : unpackMessage(ref), op: 'zonesAt', query: { lat, lon, layer } };
}

function readTheLongWay(bytes: Uint8Array): unknown {
  const frame = openFrame(bytes, true);
  return { ref: frame.ref, ...frame.read() };
}

const HERE = { op: 'zonesAt', lat: 40.5, lon: -74 };

describe('a frame of zonesAt', () => {
  test.each([
    HERE,
    { ...HERE, ref: 7 },
    { ref: 70_000, ...HERE, layer: 'boroughs' },
    { ref: 'a', lon: 180, lat: -90, op: 'zonesAt' },
    { ...HERE, lat: 0, lon: -100, ref: 4_294_967_295 },
    { ...HERE, lon: -129 },
  ])('is read by hand: %o', (request) => {
    for (const bytes of [pack(request), short.pack(request)]) {
      expect(readByHand(bytes)).toEqual(readTheLongWay(bytes));
    }
  });

  test.each([
    { ...HERE, op: 'nearest' },
    { ...HERE, op: 'zonesat' },
    { ...HERE, lat: 90.1 },
    { ...HERE, lat: Number.NaN },
    { ...HERE, lon: '1' },
    { ...HERE, layer: 'é' },
    { ...HERE, layer: 7 },
    { ...HERE, ref: -1 },
    { ...HERE, ref: 'x'.repeat(40) },
    { ...HERE, k: 1 },
    { op: 'zonesAt', lat: 1, ref: 1 },
    { op: 'zonesAt', points: [[1, 2]], ref: 1 },
    {},
  ])('is left to the long way: %o', (request) => {
    for (const bytes of [pack(request), short.pack(request)]) expect(hot.read(bytes)).toBe(false);
  });

  test('that is cut, or has bytes behind it, is left to the long way', () => {
    for (const bytes of [pack({ ...HERE, ref: 300, layer: 'a' }), short.pack({ ...HERE, ref: 'ab' })]) {
      for (let length = 0; length < bytes.length; length++) expect(hot.read(bytes.slice(0, length))).toBe(false);
      expect(hot.read(Uint8Array.of(...bytes, 0))).toBe(false);
    }
  });

  test(`of which any bytes are changed is read as the long way reads it, or not at all (seed ${SEED})`, () => {
    const bases = [short.pack({ ...HERE, ref: 300, layer: 'ab' }), short.pack({ ...HERE, ref: 'r' })];
    const change = fc.tuple(fc.constantFrom(...bases), fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(change, ([base, at, byte]) => {
        const bytes = Uint8Array.from(base);
        bytes[at % bytes.length] = byte;
        const read = readByHand(bytes);
        if (read !== undefined) expect(read).toEqual(readTheLongWay(bytes));
      }),
      { seed: SEED, numRuns: 5_000 },
    );
  });
});
