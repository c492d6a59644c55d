// What is refused by its size before JSON.parse sees it.

import { describe, expect, test } from 'vitest';
import { checkJsonSize, type JsonBounds, JsonSizer } from '../../../src/protocol/json-size.ts';

const AMPLE: JsonBounds = { depthMax: 8, listsMax: 4, membersMax: 4, namesMax: 4, valuesMax: 12 };

const check = (text: string, bounds: Partial<JsonBounds> = {}): void =>
  checkJsonSize(Buffer.from(text), { ...AMPLE, ...bounds });

const tooLarge = (bound: number): unknown =>
  expect.objectContaining({ code: 'TOO_LARGE', message: expect.stringContaining(String(bound)) });

describe('the size of JSON', () => {
  test.each([
    ['lists', '[[],[],[]]', 'listsMax', 4],
    ['objects', '[{},{},{}]', 'membersMax', 3],
    ['members', '{"a":0,"b":{"c":0}}', 'membersMax', 5],
    ['values', '[0,0,0,0]', 'valuesMax', 4],
  ] as const)('is bounded in %s', (_, text, bound, exactly) => {
    expect(() => check(text, { membersMax: 9, [bound]: exactly })).not.toThrow();
    expect(() => check(text, { membersMax: 9, [bound]: exactly - 1 })).toThrow(tooLarge(exactly - 1));
  });

  test('is bounded in names that differ, however often each is there', () => {
    const many = JSON.stringify(Array.from({ length: 3 }, () => ({ lat: 'not a name', 'a "b"': 1, '': { lat: 2 } })));
    const ample = { membersMax: 99, valuesMax: 99 };
    expect(() => check(many, { ...ample, namesMax: 3 })).not.toThrow();
    expect(() => check(many, { ...ample, namesMax: 2 })).toThrow(tooLarge(2));
  });

  test('is counted over several texts together', () => {
    const sizer = new JsonSizer({ ...AMPLE, listsMax: 2, membersMax: 99, namesMax: 2 });
    sizer.check(Buffer.from('[{"a":1}'));
    sizer.check(Buffer.from('[{"b":1}]'));
    expect(() => sizer.check(Buffer.from('{"c":1}'))).toThrow(tooLarge(2));
    expect(() => sizer.check(Buffer.from('[]'))).toThrow(tooLarge(2));
  });

  test('is bounded in depth', () => {
    expect(() => check('[[[{"a":[]}]]]', { depthMax: 5, listsMax: 9 })).not.toThrow();
    expect(() => check('[[[{"a":[]}]]]', { depthMax: 4, listsMax: 9 })).toThrow(SyntaxError);
  });

  test('counts nothing inside strings, whatever they escape', () => {
    const text = JSON.stringify(['[[[[[[[[[[[[', '{"a":0,,,,,,,,,,,,,', '\\', '"[[[[[[', '\\"{{{{{{']);
    expect(() => check(text, { listsMax: 1, membersMax: 0, valuesMax: 5 })).not.toThrow();
  });

  test.each(['"', '"\\', '[', ']]]]', '}{', '{"a', ':', ',,,', ''])('ends on what is no JSON: %j', (text) => {
    expect(() => check(text)).not.toThrow();
  });
});
