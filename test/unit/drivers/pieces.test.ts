// The parts of the portable engine that the contract suite cannot see into.

import { pack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { compareBytes, isTextOf } from '../../../src/drivers/bytes.ts';
import { checkFix } from '../../../src/drivers/fix.ts';
import { openPortableEngine } from '../../../src/drivers/portable.ts';
import { rejectedFix } from '../../../src/drivers/rejected.ts';
import { parseIsoTime } from '../../../src/drivers/time.ts';
import { arrayLength, checkedMessagePack } from '../../../src/drivers/wellformed.ts';
import { FIX_CODES } from '../../../src/errors.ts';
import { NOW, OPTIONS } from '../../support/engines.ts';

const check = (value: unknown): unknown => checkFix(value, NOW, 60);

const say = (code: (typeof FIX_CODES)[number], value: unknown): string => rejectedFix(0, code, value, OPTIONS).message;

describe('text as bytes', () => {
  test('is ordered as its UTF-8 is', () => {
    const texts = [
      '',
      'a',
      'a\u0000',
      'aa',
      'b',
      'é',
      'z',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '🚕',
      '🚕a',
      '\u{10ffff}',
      'ａ',
    ];
    for (const a of texts) {
      for (const b of texts) {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }
    }
  });

  test('is measured as its UTF-8 is', () => {
    for (const [text, bytes] of [
      ['x', 1],
      ['é', 2],
      ['１', 3],
      ['🚕', 4],
    ] as const) {
      expect(isTextOf(text, bytes)).toBe(true);
      expect(isTextOf(text, bytes - 1)).toBe(false);
    }
  });
});

describe('ISO 8601 times', () => {
  test('are what Date makes of them, over days and offsets', () => {
    for (let day = 0; day < 12_000; day += 97) {
      const iso = new Date(day * 86_400_000 + 86_400_000 + 1_234_567).toISOString();
      expect(parseIsoTime(iso)).toBe(Date.parse(iso));
      expect(parseIsoTime(iso.replace('Z', '+05:30'))).toBe(Date.parse(iso) - 19_800_000);
      expect(parseIsoTime(iso.replace('Z', '-1100'))).toBe(Date.parse(iso) + 39_600_000);
    }
    expect(parseIsoTime('2000-02-29T00:00Z')).toBe(Date.UTC(2000, 1, 29));
    expect(parseIsoTime('2100-02-29T00:00Z')).toBeUndefined();
    expect(parseIsoTime('1969-12-31T23:00:00-01:00')).toBe(0);
  });
});

describe('the check of a fix', () => {
  test('reads a plain object as it reads a Map, and no inherited field', () => {
    const fix = { id: 'a', lat: 1, lon: 2, ttl: 5 };
    expect(check(fix)).toEqual(check(new Map(Object.entries(fix))));
    expect(check(Object.create(fix))).toBe('BAD_FIX');
    expect(check(new Date())).toBe('BAD_FIX');
  });
});

describe('messages of rejected fixes', () => {
  test('exist for every code and any value, and never grow with it', () => {
    const long = '🚕'.repeat(50_000);
    const values = [
      undefined,
      null,
      7n,
      long,
      [],
      [long, long, long, long, long, long, long, [long], long],
      { id: long, tags: long },
      new Map([['lat', long]]),
      Array.from({ length: 5_000 }, () => long),
      Buffer.alloc(1_000),
    ];
    for (const code of FIX_CODES) {
      for (const value of values) {
        const rejected = rejectedFix(3, code, value, OPTIONS);
        expect(rejected).toMatchObject({ index: 3, code });
        expect(rejected.message.length).toBeGreaterThan(20);
        expect(rejected.message.length).toBeLessThan(200);
      }
    }
  });

  test('name the rule and the value', () => {
    expect(say('BAD_LON', { id: 'a', lat: 1, lon: 2_000n })).toBe('lon must be within -180..180, got 2000');
    expect(say('BAD_ID', [7, 1, 1])).toBe('id must be a string of 1..128 bytes of UTF-8, got 7');
    expect(say('BAD_TAGS', ['a', 1, 1, null, null, null, null, ['ok', 'a,b']])).toContain('got an array with "a,b"');
    expect(say('BAD_FIX', Array(12).fill(0))).toBe('a fix as a row must have 1..9 elements, got 12');
  });
});

describe('checked MessagePack', () => {
  test('is the very same bytes when nothing must be hidden', () => {
    const bytes = pack([['a', 1, 2, NOW, 0.5, null, null, ['é', '🚕']], { id: 'b' }]);
    expect(checkedMessagePack(bytes)).toBe(bytes);
    expect(arrayLength(bytes)).toBe(2);
    expect(arrayLength(pack(Array(100).fill(0)))).toBe(100);
    expect(arrayLength(pack(Array(70_000).fill(0)))).toBe(70_000);
    expect(arrayLength(pack({}))).toBe(-1);
  });

  test('never changes the bytes it was given', () => {
    const bytes = Buffer.from([0x91, 0xd4, 0x72, 0x40]);
    expect([...checkedMessagePack(bytes)]).toEqual([0x91, 0xc4, 0x01, 0x40]);
    expect([...bytes]).toEqual([0x91, 0xd4, 0x72, 0x40]);
  });
});

describe('the portable engine', () => {
  test('uses the places of forgotten drivers again, so that coming and going does not grow it', () => {
    const engine = openPortableEngine(OPTIONS);
    for (let i = 0; i < 1_000; i++) {
      engine.apply(pack([[`d${i}`, 1, 1]]), NOW, 10);
      if (i >= 10) engine.remove(`d${i - 10}`, NOW);
    }
    let seen = 0;
    expect(engine.scan(0, 11, NOW, () => seen++)).toBe(0);
    expect(seen).toBe(10);
  });
});
