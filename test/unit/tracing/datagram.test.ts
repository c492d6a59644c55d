// Spans over UDP: what is written is read, and what anybody may send is refused in peace.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TRACE_DATAGRAM_BYTES_MAX } from '../../../src/limits.ts';
import { DatagramWriter, readDatagram } from '../../../src/tracing/datagram.ts';
import type { Span } from '../../../src/tracing/span.ts';

const hex = (digits: number) =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: digits, maxLength: digits })
    .map((values) => values.map((value) => value.toString(16)).join(''))
    .filter((text) => /[^0]/.test(text));
const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme-ascii' });

const spans = fc.array(
  fc.record<Span>({
    traceId: hex(32),
    spanId: hex(16),
    parentId: fc.option(hex(16), { nil: undefined }),
    startMicros: fc.double({ min: 0, max: 4e15, noNaN: true }),
    durationMicros: fc.double({ min: 0, max: 1e9, noNaN: true }),
    name: text,
    from: text,
    host: fc.constantFrom('a', 'b'),
    error: fc.option(text, { nil: undefined }),
    flags: fc.integer({ min: 0, max: 7 }),
    weight: fc.constantFrom(1, 2, 100),
  }),
  { maxLength: 100 },
);

function write(given: readonly Span[]): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  const writer = new DatagramWriter((datagram) => datagrams.push(datagram));
  for (const span of given) writer.add(span);
  writer.flush();
  return datagrams;
}

const SPAN: Span = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  parentId: undefined,
  startMicros: 1_795_427_332_360_994,
  durationMicros: 12.5,
  name: 'raziel.search',
  from: 'websocket',
  host: 'one',
  error: 'BAD_LAT',
  flags: 1,
  weight: 1,
};

describe('a datagram of spans', () => {
  it('is read as it was written, in datagrams that an Ethernet frame carries', () => {
    fc.assert(
      fc.property(spans, (given) => {
        const datagrams = write(given);
        for (const { length } of datagrams) expect(length).toBeLessThanOrEqual(TRACE_DATAGRAM_BYTES_MAX);
        expect(datagrams.flatMap<Span | undefined>((datagram) => readDatagram(datagram) ?? [undefined])).toEqual(given);
      }),
    );
  });

  it('carries some twenty spans', () => {
    const given = Array.from({ length: 100 }, (_, i) => ({ ...SPAN, spanId: (i + 1).toString(16).padStart(16, '0') }));
    expect(write(given).length).toBeLessThanOrEqual(5);
  });

  it('is none when a byte of it is missing or there is one more', () => {
    const [datagram = new Uint8Array()] = write([SPAN, SPAN]);
    expect(readDatagram(datagram)).toHaveLength(2);
    for (let length = 0; length < datagram.length; length++) {
      expect(readDatagram(datagram.subarray(0, length))).toBeUndefined();
    }
    expect(readDatagram(Buffer.concat([datagram, Buffer.alloc(1)]))).toBeUndefined();
  });

  it.each<[string, (bytes: Buffer) => void]>([
    ['another magic', (bytes) => bytes.write('XZLT')],
    ['a later version', (bytes) => bytes.writeUInt8(2, 4)],
    ['a byte that must be zero', (bytes) => bytes.writeUInt8(1, 5)],
    ['more texts than there are', (bytes) => bytes.writeUInt16LE(60_000, 8)],
    ['no texts', (bytes) => bytes.writeUInt16LE(0, 8)],
    ['more spans than there are', (bytes) => bytes.writeUInt16LE(60_000, 10)],
    ['a text of no length', (bytes) => bytes.writeUInt8(0, 12)],
    ['a text that is no UTF-8', (bytes) => bytes.writeUInt8(0xff, 13)],
    ['a trace id of zeros', (bytes) => bytes.fill(0, bytes.length - 60, bytes.length - 44)],
    ['a span id of zeros', (bytes) => bytes.fill(0, bytes.length - 44, bytes.length - 36)],
    ['a start that is no number', (bytes) => bytes.writeDoubleLE(Number.NaN, bytes.length - 28)],
    ['a start in the far future', (bytes) => bytes.writeDoubleLE(1e300, bytes.length - 28)],
    ['a negative duration', (bytes) => bytes.writeDoubleLE(-1, bytes.length - 20)],
    ['an endless duration', (bytes) => bytes.writeDoubleLE(Number.POSITIVE_INFINITY, bytes.length - 20)],
    ['a weight below one', (bytes) => bytes.writeFloatLE(0, bytes.length - 12)],
    ['a weight that is no number', (bytes) => bytes.writeFloatLE(Number.NaN, bytes.length - 12)],
    ['a name that is not there', (bytes) => bytes.writeUInt16LE(99, bytes.length - 8)],
    ['an error that is not there', (bytes) => bytes.writeUInt16LE(99, bytes.length - 4)],
  ])('is none with %s', (_, spoil) => {
    const bytes = Buffer.from(write([SPAN])[0] as Uint8Array);
    spoil(bytes);
    expect(readDatagram(bytes)).toBeUndefined();
  });

  it('is none with a host of no length, even where all else fits', () => {
    const whole = Buffer.from(write([SPAN])[0] as Uint8Array);
    const bytes = Buffer.concat([whole.subarray(0, 12), Buffer.alloc(1), whole.subarray(13 + SPAN.host.length)]);
    bytes.writeUInt16LE(bytes.length, 6);
    expect(readDatagram(bytes)).toBeUndefined();
  });

  it('may be anything at all', () => {
    const [whole = new Uint8Array()] = write([SPAN, { ...SPAN, spanId: '00f067aa0ba902b8', parentId: SPAN.spanId }]);
    const mutated = fc
      .array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (bytes) => {
        for (const span of readDatagram(bytes) ?? []) {
          expect(span.traceId).toMatch(/^[0-9a-f]{32}$/);
          expect(span.durationMicros).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(span.startMicros + span.weight)).toBe(true);
          expect([span.name, span.from, span.host].every((name) => name.length > 0)).toBe(true);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
