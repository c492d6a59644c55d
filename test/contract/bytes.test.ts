// Bytes that are no batch: a coded error, nothing changed, and never anything else.

import * as fc from 'fast-check';
import { pack } from 'msgpackr';
import { expect, test } from 'vitest';
import { RazielError } from '../../src/errors.ts';
import { forEachEngine, NOW, type World } from '../support/engines.ts';

/** The code of the error that the batch is refused with; undefined when it is taken. */
function refusal(world: World, bytes: Uint8Array, fixesMax?: number): string | undefined {
  try {
    world.applyBytes(bytes, fixesMax);
    return undefined;
  } catch (error) {
    if (error instanceof RazielError) return error.code;
    throw error;
  }
}

const BATCH: readonly unknown[] = [
  ['driver:1', 37.7751, -122.4194, NOW, 270, 8.3, 5, ['free', 'xl'], 60],
  { id: 'driver:2', lat: 37, lon: -122, time: '2014-09-18T00:26:40Z', extra: { a: [1, 2, 3] }, tags: ['é'] },
  ['x'.repeat(40), -1.5, 1, null, null, 70_000],
];

/** A value of each head of MessagePack, whole. */
const strange = (...bytes: number[]): Buffer => Buffer.from(bytes);

forEachEngine('bytes from outside', (open) => {
  test('a batch that is cut at any byte is BAD_MSGPACK, and nothing of it is applied', () => {
    const world = open();
    const bytes = pack(BATCH);
    for (let length = 0; length < bytes.length; length++) {
      expect([length, refusal(world, bytes.subarray(0, length))]).toEqual([length, 'BAD_MSGPACK']);
    }
    expect(world.engine.stats()).toMatchObject({ drivers: 0, tags: 0 });
    expect(world.applyBytes(bytes).accepted).toBe(3);
  });

  test('bytes behind the batch are BAD_MSGPACK, and nothing is applied', () => {
    const world = open();
    expect(refusal(world, Buffer.concat([pack(BATCH), strange(0xc0)]))).toBe('BAD_MSGPACK');
    expect(world.engine.stats().drivers).toBe(0);
  });

  test('a batch inside a larger buffer is read within its bounds', () => {
    const world = open();
    const bytes = pack(BATCH);
    const larger = Buffer.concat([strange(0x91, 0x92), bytes, strange(0x93, 0xc1)]);
    expect(world.applyBytes(larger.subarray(2, 2 + bytes.length)).accepted).toBe(3);
    expect(world.driver('driver:1')).toMatchObject({ tags: ['free', 'xl'], heading: 270 });
  });

  test('the bytes of a batch are left as they were', () => {
    const world = open();
    const bytes = Buffer.concat([strange(0x92, 0xd4, 0x72, 0x40, 0x93, 0xa1, 0x80), pack([[[1]]]), strange(1)]);
    const before = Buffer.from(bytes);
    expect(world.applyBytes(bytes).rejected.map(({ code }) => code)).toEqual(['BAD_FIX', 'BAD_ID']);
    expect(bytes).toEqual(before);
  });

  test('what is no array is BAD_REQUEST', () => {
    const world = open();
    for (const value of [null, 7, 'batch', { id: 'a', lat: 1, lon: 1 }, true, Buffer.from([0x90]), 1.5]) {
      expect(refusal(world, pack(value))).toBe('BAD_REQUEST');
    }
  });

  test('more fixes than allowed is TOO_LARGE, and none is applied', () => {
    const world = open();
    const rows = Array.from({ length: 6 }, (_, i) => [`d${i}`, 1, 1]);
    expect(refusal(world, pack(rows), 5)).toBe('TOO_LARGE');
    expect(world.engine.stats().drivers).toBe(0);
    expect(refusal(world, pack(rows), 6)).toBeUndefined();
  });

  test('lengths that the bytes do not hold are refused without being believed', () => {
    const world = open();
    for (const head of [0xdd, 0xdf, 0xdb, 0xc6, 0xc9]) {
      expect(refusal(world, strange(0x91, head, 0xff, 0xff, 0xff, 0xff, 1))).toBe('BAD_MSGPACK');
    }
    const nested = Buffer.concat(Array.from({ length: 2_000 }, () => strange(0xdd, 0, 0xff, 0xff, 0xff)));
    expect(refusal(world, nested)).toBe('BAD_MSGPACK');
    expect(refusal(world, strange(0xdd, 0xff, 0xff, 0xff, 0xff))).toMatch(/BAD_MSGPACK|TOO_LARGE/);
  });

  test('the byte that begins no value is BAD_MSGPACK wherever it stands', () => {
    const world = open();
    expect(refusal(world, strange(0xc1))).toBe('BAD_MSGPACK');
    expect(refusal(world, strange(0x91, 0xc1))).toBe('BAD_MSGPACK');
    expect(refusal(world, strange(0x91, 0x93, 0xa1, 0x61, 1, 0xc1))).toBe('BAD_MSGPACK');
    expect(refusal(world, strange(0x91, 0x81, 0xa1, 0x7a, 0xc1))).toBe('BAD_MSGPACK');
    expect(refusal(world, strange(0x92, 0x93, 0xa1, 0x61, 1, 2, 0xc1))).toBe('BAD_MSGPACK');
    expect(world.engine.stats().drivers).toBe(0);
  });

  test('extensions and binary are whole values of the wrong kind, whatever their type', () => {
    const world = open();
    for (const type of [0, 1, 0x42, 0x52, 0x62, 0x65, 0x69, 0x70, 0x72, 0x73, 0x74, 0x78, 0xff]) {
      const extensions = [
        strange(0xd4, type, 1),
        strange(0xd5, type, 1, 2),
        strange(0xd6, type, 1, 2, 3, 4),
        strange(0xd7, type, 1, 2, 3, 4, 5, 6, 7, 8),
        strange(0xd8, type, ...Array<number>(16).fill(0x91)),
        strange(0xc7, 0, type),
        strange(0xc7, 3, type, 1, 2, 3),
        strange(0xc8, 0, 3, type, 1, 2, 3),
        strange(0xc9, 0, 0, 0, 3, type, 1, 2, 3),
        Buffer.concat([strange(0xc8, 0xff, 0xff, type), Buffer.alloc(65_535, 0xc1)]),
      ];
      for (const extension of extensions) {
        expect(refusal(world, extension)).toBe('BAD_REQUEST');
        const fix = world.applyBytes(Buffer.concat([strange(0x91), extension]));
        expect(fix.rejected.map(({ code }) => code)).toEqual(['BAD_FIX']);
        const lat = world.applyBytes(Buffer.concat([strange(0x91, 0x93, 0xa1, 0x61), extension, strange(1)]));
        expect(lat.rejected.map(({ code }) => code)).toEqual(['BAD_LAT']);
        const extra = world.applyBytes(
          Buffer.concat([
            strange(0x91, 0x84),
            pack('id'),
            pack('a'),
            pack('lat'),
            pack(1),
            pack('lon'),
            pack(2),
            extension,
            extension,
          ]),
        );
        expect(extra.rejected).toEqual([]);
      }
    }
  });

  test('small numbers are numbers, also where msgpackr would write records', () => {
    const world = open();
    const record = strange(0x92, 0xd4, 0x72, 0x40, 0x93, 0xa1, 0x61, 0x40, 0x41);
    expect(world.applyBytes(record).rejected.map(({ code }) => code)).toEqual(['BAD_FIX']);
    expect(world.driver('a')).toMatchObject({ lat: 64, lon: 65 });
  });

  test('values may nest a hundred thousand deep', () => {
    const world = open();
    const deep = Buffer.concat([Buffer.alloc(100_000, 0x91), strange(0xc0)]);
    expect(world.applyBytes(Buffer.concat([strange(0x91), deep])).rejected.map(({ code }) => code)).toEqual(['BAD_ID']);
    const fix = Buffer.concat([
      strange(0x91, 0x84),
      pack('id'),
      pack('a'),
      pack('lat'),
      pack(1),
      pack('lon'),
      pack(2),
      pack('deep'),
      deep,
    ]);
    expect(world.applyBytes(fix).accepted).toBe(1);
    expect(refusal(world, deep.subarray(0, 100_000))).toBe('BAD_MSGPACK');
  });

  test('random bytes are taken or refused with a code, and broken batches as well', () => {
    const world = open();
    world.put(['before', 1, 1]);
    const codes = new Set([undefined, 'BAD_MSGPACK', 'BAD_REQUEST']);
    const mutated = fc
      .tuple(fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([changes, asArray]) => {
        const bytes = Buffer.from(pack(asArray ? BATCH : BATCH.slice(0, 1)));
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), mutated), (bytes) => {
        const code = refusal(world, bytes);
        if (!codes.has(code)) throw new Error(`refused with ${code}`);
      }),
      { numRuns: 2_000 },
    );
    expect(world.driver('before')?.lat).toBe(1);
  });
});
