// Bodies and frames of a megabyte that would become a great many small objects: refused by their size before anything is made of them, in
// either encoding; and what clients rightly send passes.

import { describe, expect, test } from 'vitest';
import { readJsonFixes, readNdjsonFixes } from '../../../src/protocol/bodies.ts';
import { packMessage } from '../../../src/protocol/codec.ts';
import { openFrame } from '../../../src/protocol/frames.ts';
import { checkMessage } from '../../../src/protocol/msgpack-walk.ts';

const BYTES = 2 ** 20;
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const TOO_LARGE = expect.objectContaining({ code: 'TOO_LARGE' });

const shapes: readonly (readonly [string, string])[] = [
  ['lists', `[${'[],'.repeat(BYTES / 3)}[]]`],
  ['objects', `[${'{},'.repeat(BYTES / 3)}{}]`],
  ['members', `[${'{"a":0},'.repeat(BYTES / 8)}{}]`],
  ['names', `{${range(100_000).map((i) => `"${i}":0`)}}`],
  ['names of many objects', `[${range(80_000).map((i) => `{"${i}":0}`)}]`],
  ['nested lists', `[${`${'['.repeat(50)}${']'.repeat(50)},`.repeat(BYTES / 101)}0]`],
];

describe.each(shapes)('a megabyte of JSON that is all %s', (_, json) => {
  test('is refused as a body, and as a frame, which closes nothing', () => {
    expect(() => readJsonFixes(Buffer.from(json))).toThrow(TOO_LARGE);
    expect(() => openFrame(Buffer.from(`{"op":"ping","x":${json}}`), false)).toThrow(TOO_LARGE);
  });
});

test('lines that are small one by one are sized up together', () => {
  const lines = range(60_000).map((i) => `{"${i}":0}`);
  expect(() => readNdjsonFixes(Buffer.from(lines.join('\n')))).toThrow(TOO_LARGE);
  // A line that is broken, and would hide what follows if all were one text.
  expect(() => readNdjsonFixes(Buffer.from(['"', ...lines].join('\n')))).toThrow(TOO_LARGE);
});

test.each([
  ['maps', 0x80],
  ['lists', 0x90],
])('a megabyte of MessagePack that is all %s is refused, but in a batch, which the engine decodes', (_, byte) => {
  const head = Buffer.from([0xdd, 0, 15, 255, 255]);
  const list = Buffer.concat([head, Buffer.alloc(head.readUInt32BE(1), byte)]);
  const frame = (field: string): Buffer =>
    Buffer.concat([Buffer.from([0x82]), packMessage('op'), packMessage('locations'), packMessage(field), list]);
  expect(() => checkMessage(list)).toThrow(TOO_LARGE);
  expect(() => openFrame(frame('points'), true)).toThrow(TOO_LARGE);
  expect(openFrame(frame('batch'), true).read()).toMatchObject({ op: 'locations' });
});

test('a frame of very many fields is refused', () => {
  const fields = Object.fromEntries(range(30_000).map((i) => [`field${i}`, 0]));
  expect(() => openFrame(packMessage({ op: 'ping', ...fields }), true)).toThrow(TOO_LARGE);
});

test('the largest batches and searches pass', () => {
  const fix = {
    id: 'd',
    lat: 1.5,
    lon: 2,
    time: 1_411_000_000_000,
    heading: 1,
    speed: 1,
    tags: ['free'],
    ttl: 60,
    note: '',
  };
  const fixes = range(10_000).map(() => fix);
  const rows = range(10_000).map((i) => ['d', i / 1000, 1, null, 1, 1, 1, range(9).map((tag) => `t${tag}`), 60]);
  const searches = range(64).map(() => ({
    within: { geometry: { type: 'Polygon', coordinates: [range(1_400).map((i) => [i, 1])] } },
    limit: 10_000,
    tags: range(32).map((tag) => `t${tag}`),
  }));
  const points = range(10_000).map((i) => [i / 1000, 1]);
  for (const batch of [fixes, rows]) {
    const json = Buffer.from(JSON.stringify({ op: 'locations', batch }));
    expect(openFrame(json, false).read()).toMatchObject({ op: 'locations' });
    expect(readNdjsonFixes(Buffer.from(batch.map((each) => JSON.stringify(each)).join('\n'))).broken?.size).toBe(0);
  }
  for (const body of [{ searches }, { points }]) {
    checkMessage(packMessage(body));
    expect(() => openFrame(Buffer.from(JSON.stringify({ op: 'ping', ...body })), false)).not.toThrow();
  }
});
