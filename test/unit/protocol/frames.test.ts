import { describe, expect, test } from 'vitest';
import { RazielError } from '../../../src/errors.ts';
import { packMessage, unpackMessage } from '../../../src/protocol/codec.ts';
import { BrokenFrame, openFrame } from '../../../src/protocol/frames.ts';
import { readJsonFixes, readMessagePackFixes, readNdjsonFixes } from '../../../src/protocol/bodies.ts';

const text = (value: string): Uint8Array => Buffer.from(value);

describe('a frame', () => {
  test('is the same request in JSON and in MessagePack', () => {
    const request = { op: 'nearest', ref: 'r', lat: 1, lon: 2, tags: ['a'] };
    const json = openFrame(text(JSON.stringify(request)), false);
    const msgpack = openFrame(packMessage(request), true);
    expect(json.ref).toBe('r');
    expect(msgpack.ref).toBe('r');
    expect(msgpack.read()).toEqual(json.read());
  });

  test('hands its batch over as the bytes that arrived', () => {
    const batch = [['a', 1.5, 2, null], { id: 'b' }, 7];
    const request = openFrame(packMessage({ ref: 1, batch, op: 'locations', ack: 'none' }), true).read();
    expect(request).toEqual({ op: 'locations', quiet: true, durable: false, batch: packMessage(batch) });
  });

  test('leaves an extension inside a batch to the engine, which rejects the one fix', () => {
    const frame = Uint8Array.of(
      0x82,
      ...packMessage('op'),
      ...packMessage('locations'),
      ...packMessage('batch'),
      0x91,
      0xd4,
      1,
      0,
    );
    expect(openFrame(frame, true).read()).toMatchObject({ op: 'locations' });
  });

  test.each([
    ['text that is no JSON', text('{"op":'), false],
    ['text that is not UTF-8', Uint8Array.of(0x22, 0xff, 0x22), false],
    ['no bytes', new Uint8Array(), true],
    ['no text', new Uint8Array(), false],
    ['bytes that end early', packMessage({ op: 'ping' }).subarray(0, 4), true],
  ])('of %s is broken', (_, bytes, binary) => {
    expect(() => openFrame(bytes, binary)).toThrow(BrokenFrame);
  });

  test.each([
    ['a list', '[1]'],
    ['a number', '7'],
    ['null', 'null'],
    ['a ref that is a map', '{"op":"ping","ref":{}}'],
    ['a ref of 129 bytes', JSON.stringify({ op: 'ping', ref: 'x'.repeat(129) })],
  ])('with %s is refused, whole as it is', (_, json) => {
    expect(() => openFrame(text(json), false)).toThrow(RazielError);
    expect(() => openFrame(packMessage(JSON.parse(json)), true)).toThrow(RazielError);
  });

  test('of JSON that nests too deep is broken when it is large, and refused when it is small', () => {
    const nested = (depth: number): Uint8Array =>
      text(`{"op":"locations","batch":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    expect(() => openFrame(nested(400_000), false)).toThrow(BrokenFrame);
    expect(() => openFrame(nested(8_000), false).read()).toThrow(RazielError);
    expect(openFrame(text('{"op":"ping"}'), false).read()).toEqual({ op: 'ping' });
  });

  test('of large JSON is read, whatever brackets its strings hold', () => {
    const id = '[{\\"['.repeat(5_000);
    expect(openFrame(text(`{"op":"ping","ref":1,"x":"${id}"}`), false).ref).toBe(1);
  });

  test('reads 64-bit integers as numbers', () => {
    const frame = Uint8Array.of(
      0x82,
      ...packMessage('op'),
      ...packMessage('ping'),
      ...packMessage('ref'),
      0xcf,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      7,
    );
    expect(openFrame(frame, true).ref).toBe(7);
  });
});

describe('a body of fixes', () => {
  test('that is a map is one fix, in JSON and MessagePack', () => {
    const fix = { id: 'a', lat: 1, lon: 2 };
    expect(unpackMessage(readJsonFixes(text(JSON.stringify(fix))).bytes)).toEqual([fix]);
    expect(unpackMessage(readMessagePackFixes(packMessage(fix)).bytes)).toEqual([fix]);
  });

  test('that is a list is a list', () => {
    expect(unpackMessage(readJsonFixes(text('["a",1,2]')).bytes)).toEqual(['a', 1, 2]);
  });

  test.each([['7'], ['"a"'], ['null'], ['true']])('that is %s is refused', (json) => {
    expect(() => readJsonFixes(text(json))).toThrow(RazielError);
    expect(() => readMessagePackFixes(packMessage(JSON.parse(json)))).toThrow(RazielError);
  });

  test('as lines skips blank ones and keeps the place of broken ones', () => {
    const { bytes, broken } = readNdjsonFixes(text('{"id":"a"}\r\n\n  \t\n{"id":\n["b",1,2]'));
    expect(unpackMessage(bytes)).toEqual([{ id: 'a' }, null, ['b', 1, 2]]);
    expect([...(broken?.keys() ?? [])]).toEqual([1]);
  });

  test('as lines may be empty', () => {
    expect(unpackMessage(readNdjsonFixes(text('\n\n')).bytes)).toEqual([]);
  });
});
