import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { RazielError } from '../../../src/errors.ts';
import { unpackMessage } from '../../../src/protocol/codec.ts';
import { checkMessage, isPlainMap, NESTING_MAX, walkMap } from '../../../src/protocol/msgpack-walk.ts';

const packr = new Packr({ useRecords: false, variableMapSize: true });

function codeOf(bytes: Uint8Array): string {
  try {
    checkMessage(bytes);
  } catch (error) {
    if (error instanceof RazielError) return error.code;
    throw error;
  }
  return 'nothing';
}

const EVERY_TYPE = {
  nil: null,
  no: false,
  yes: true,
  integers: [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32, -1, -32, -33, -128, -129, -32_769, -(2 ** 33), 2n ** 60n],
  floats: [0.5, -1.25e300],
  texts: ['', 'a', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(256), 'x'.repeat(70_000), 'é'],
  bytes: [Buffer.alloc(1), Buffer.alloc(300), Buffer.alloc(70_000)],
  lists: [Array.from({ length: 16 }, () => 1), Array.from({ length: 70_000 }, () => 1)],
  map: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i])),
};

describe('the walk over MessagePack', () => {
  test('finds each field of a map of every type, where it lies', () => {
    const bytes = packr.pack(EVERY_TYPE);
    const spans = walkMap(bytes);
    expect([...(spans?.keys() ?? [])]).toEqual(Object.keys(EVERY_TYPE));
    for (const [name, span] of spans ?? []) {
      expect(span.fault).toBeUndefined();
      expect(packr.unpack(bytes.subarray(span.start, span.end))).toEqual(
        packr.unpack(packr.pack(EVERY_TYPE[name as keyof typeof EVERY_TYPE])),
      );
    }
  });

  test('refuses every cut of a message', () => {
    const bytes = packr.pack({ op: 'nearest', lat: 1.5, tags: ['a', 'b'], t: 2 ** 40, m: { x: Buffer.alloc(3) } });
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(bytes.subarray(0, length))).toBe('BAD_MSGPACK');
    }
    expect(codeOf(bytes)).toBe('nothing');
  });

  test('refuses bytes that follow the value', () => {
    expect(codeOf(Uint8Array.of(0xc0, 0xc0))).toBe('BAD_MSGPACK');
  });

  test('refuses the byte that MessagePack never uses', () => {
    expect(codeOf(Uint8Array.of(0x91, 0xc1))).toBe('BAD_MSGPACK');
  });

  test('refuses a header that promises more than there are bytes, without allocating it', () => {
    expect(codeOf(Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff))).toBe('BAD_MSGPACK');
    expect(codeOf(Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff))).toBe('BAD_MSGPACK');
    expect(codeOf(Uint8Array.of(0xdb, 0xff, 0xff, 0xff, 0xff))).toBe('BAD_MSGPACK');
  });

  test('refuses what nests too deep', () => {
    expect(
      codeOf(new Uint8Array(NESTING_MAX).fill(0x91).map((byte, at) => (at === NESTING_MAX - 1 ? 0x90 : byte))),
    ).toBe('nothing');
    expect(codeOf(new Uint8Array(1_000_000).fill(0x91))).toBe('BAD_MSGPACK');
  });

  test('refuses extension types, in every form', () => {
    for (const bytes of [
      [0xd4, 0x78, 0],
      [0xd5, 0x72, 0, 0],
      [0xd6, 0xff, 0, 0, 0, 0],
      [0xd7, 1, 0, 0, 0, 0, 0, 0, 0, 0],
      [0xc7, 1, 0x65, 0],
      [0xc8, 0, 1, 0x65, 0],
      [0xc9, 0, 0, 0, 1, 0x65, 0],
    ]) {
      expect(codeOf(Uint8Array.from(bytes))).toBe('BAD_REQUEST');
    }
  });

  test('refuses text that is not UTF-8', () => {
    expect(codeOf(Uint8Array.of(0xa2, 0xc3, 0x28))).toBe('BAD_REQUEST');
  });

  test('marks only the field at fault', () => {
    const spans = walkMap(Uint8Array.of(0x82, 0xa1, 0x61, 0xd4, 0x01, 0x00, 0xa1, 0x62, 0x07));
    expect(spans?.get('a')?.fault).toMatch('extension');
    expect(spans?.get('b')?.fault).toBeUndefined();
  });

  test('passes over keys that are no strings, and takes the last of a key given twice', () => {
    const spans = walkMap(Uint8Array.of(0x83, 0x01, 0x02, 0xa1, 0x61, 0x05, 0xa1, 0x61, 0x06));
    expect([...(spans ?? [])].map(([name, { start }]) => [name, start])).toEqual([['a', 8]]);
  });

  test('says of a whole value that it is no map', () => {
    expect(walkMap(Uint8Array.of(0x91, 0x01))).toBeUndefined();
    expect(walkMap(Uint8Array.of(0x07))).toBeUndefined();
  });
});

describe('a plain map', () => {
  const mapOf = (pairs: number) => Object.fromEntries(Array.from({ length: pairs }, (_, i) => [`k${i}`, i]));
  const others = [packr.pack('batch'), packr.pack('__proto__')];

  test('decodes at once to what its fields decode to one by one', () => {
    const given = {
      op: 'nearest',
      ref: 2 ** 40,
      lat: 1.5,
      big: 2n ** 60n,
      groups: [['xl'], ['é', 'batch']],
      body: { batch: 1 },
    };
    const bytes = packr.pack(given);
    expect(isPlainMap(bytes, others)).toBe(true);
    const fields = [...(walkMap(bytes) ?? [])].map(([name, { start, end }]) => [
      name,
      unpackMessage(bytes.subarray(start, end)),
    ]);
    expect(unpackMessage(bytes)).toEqual(Object.fromEntries(fields));
    expect(isPlainMap(packr.pack({}), others)).toBe(true);
    expect(isPlainMap(packr.pack({ batc: 1, batches: 2, proto: 3 }), others)).toBe(true);
  });

  test('may have the count of its pairs in bytes of its own, as msgpackr writes it', () => {
    const given = { op: 'nearest', lat: 1.5, lon: 2, groups: [['xl'], ['van']] };
    const bytes = new Packr({ useRecords: false }).pack(given);
    expect(bytes[0]).toBe(0xde);
    expect(isPlainMap(bytes, others)).toBe(true);
    expect(unpackMessage(bytes)).toEqual(given);
    expect(isPlainMap(Uint8Array.of(0xdf, 0, 0, 0, 1, 0xa1, 0x61, 0x05), others)).toBe(true);
    expect(isPlainMap(packr.pack(mapOf(64)), others)).toBe(true);
  });

  test('of a key given twice has the last', () => {
    const bytes = Uint8Array.of(0x82, 0xa1, 0x61, 0x05, 0xa1, 0x61, 0x06);
    expect(isPlainMap(bytes, others)).toBe(true);
    expect(unpackMessage(bytes)).toEqual({ a: 6 });
  });

  test.each([
    ['a list', [0x91, 0x01]],
    ['a key that is left to others', [0x82, 0xa1, 0x61, 0x01, ...packr.pack('batch'), 0x90]],
    ['a key that objects have already', [0x81, ...packr.pack('__proto__'), 0x90]],
    ['a key that is no string', [0x81, 0x01, 0x02]],
    ['a key in a long form', [0x81, 0xd9, 0x01, 0x61, 0x02]],
    ['an extension', [0x81, 0xa1, 0x61, 0x91, 0xd4, 0x01, 0x00]],
    ['text that is not UTF-8', [0x81, 0xa1, 0x61, 0xa2, 0xc3, 0x28]],
    ['more than 64 pairs', [...packr.pack(mapOf(65))]],
  ])('is not one with %s', (_, bytes) => {
    expect(isPlainMap(Uint8Array.from(bytes), others)).toBe(false);
  });

  test.each([true, false])('is refused in every cut, and with bytes that follow (%s)', (variableMapSize) => {
    const given = { op: 'nearest', lat: 1.5, tags: ['a', 'b'], t: 2 ** 40, m: { x: Buffer.alloc(3) } };
    const bytes = new Packr({ useRecords: false, variableMapSize }).pack(given);
    for (let length = 1; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      expect(() => isPlainMap(cut, others) || walkMap(cut)).toThrow(/MessagePack/);
    }
    expect(() => isPlainMap(Uint8Array.of(0x80, 0xc0), others)).toThrow(/1 bytes follow/);
  });
});
