import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { TRACE_STRINGS_MAX } from '../../../src/limits.ts';
import { SpanRing } from '../../../src/tracing/ring.ts';
import { Strings, UNNAMED } from '../../../src/tracing/strings.ts';

function write(ring: SpanRing, ...values: number[]): boolean {
  if (!ring.reserve(values.length)) return false;
  values.forEach((value, i) => {
    ring.words.fill(value, ring.wordAt(i), ring.wordAt(i) + 16);
  });
  ring.publish(values.length);
  return true;
}

function read(ring: SpanRing, max = 100): number[] {
  const values: number[] = [];
  ring.drain(max, (words, at) => {
    expect(new Set(words.subarray(at, at + 16)).size).toBe(1);
    values.push(words[at] as number);
  });
  return values;
}

describe('a ring of spans', () => {
  it('hands records on in order, again and again past its end', () => {
    const writer = new SpanRing(undefined, 8);
    const reader = new SpanRing(writer.shared);
    let next = 0;
    for (let round = 0; round < 50; round++) {
      const values = Array.from({ length: 1 + (round % 7) }, () => next++);
      expect(write(writer, ...values)).toBe(true);
      expect(read(reader)).toEqual(values);
    }
    expect(writer.totals()).toEqual({ recorded: next, dropped: 0, suppressed: 0 });
  });

  it('drops and counts what finds no room, and takes more once it is read', () => {
    const writer = new SpanRing(undefined, 4);
    const reader = new SpanRing(writer.shared);
    expect(write(writer, 1, 2, 3)).toBe(true);
    expect(write(writer, 4, 5)).toBe(false);
    expect(write(writer, 6)).toBe(true);
    expect(write(writer, 7)).toBe(false);
    expect(reader.totals()).toEqual({ recorded: 4, dropped: 3, suppressed: 0 });
    expect(read(reader, 2)).toEqual([1, 2]);
    expect(write(writer, 8, 9)).toBe(true);
    expect(read(reader)).toEqual([3, 6, 8, 9]);
  });

  it('goes on when its positions pass 2³²', () => {
    const writer = new SpanRing(undefined, 4);
    const positions = new Int32Array(writer.shared, 0, 2);
    positions.fill(-2);
    // A writer that has written as many: its own head is private, so it is moved as publishing would.
    const far = new SpanRing(writer.shared);
    far.publish(0xffff_fffe);
    const reader = new SpanRing(writer.shared);
    expect(write(far, 1, 2, 3)).toBe(true);
    expect(write(far, 4, 5)).toBe(false);
    expect(read(reader)).toEqual([1, 2, 3]);
    expect(write(far, 6, 7, 8, 9)).toBe(true);
    expect(read(reader)).toEqual([6, 7, 8, 9]);
  });

  it('hands whole records to another thread that reads while it is written', async () => {
    const writer = new SpanRing(undefined, 64);
    const reader = `
      const { workerData, parentPort } = require('node:worker_threads');
      parentPort.postMessage('up');
      import(workerData.module).then(({ SpanRing }) => {
        const ring = new SpanRing(workerData.shared);
        let next = 1, torn = 0, seen = 0;
        for (;;) {
          const count = ring.drain(1000, (words, at) => {
            for (let i = 1; i < 16; i++) if (words[at + i] !== words[at]) torn++;
            if (words[at] < next) torn++;
            next = words[at] + 1; seen++;
          });
          if (count === 0 && next > workerData.last) break;
        }
        parentPort.postMessage({ torn, seen });
      });`;
    const last = 200_000;
    const module = new URL('../../../dist/tracing/ring.js', import.meta.url).href;
    const worker = new Worker(reader, { eval: true, workerData: { shared: writer.shared, last, module } });
    const messages: unknown[] = [];
    const done = new Promise<void>((resolve, reject) => {
      worker.on('message', (message) => messages.push(message));
      worker.once('exit', () => resolve());
      worker.once('error', reject);
    });
    let written = 0;
    for (let value = 1; value <= last; ) {
      const isWritten = write(writer, value);
      if (isWritten) written++;
      if (isWritten || value < last) value++;
      if (value % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await done;
    expect(messages.at(-1)).toEqual({ torn: 0, seen: written });
  });
});

describe('a table of texts', () => {
  it('is read by others as it was written', () => {
    const owner = new Strings();
    const other = new Strings(owner.shared);
    const number = owner.intern('zoning.search');
    expect(owner.intern('zoning.search')).toBe(number);
    expect(other.text(number)).toBe('zoning.search');
    expect(other.text(number + 1)).toBe(UNNAMED);
    expect(other.text(0)).toBe(UNNAMED);
    owner.intern('x'.repeat(200));
    expect(other.text(number + 1)).toBe('x'.repeat(63));
  });

  it('has room for a bounded number', () => {
    const owner = new Strings();
    for (let i = 0; i < TRACE_STRINGS_MAX + 10; i++) owner.intern(`name ${i}`);
    expect(owner.intern('one more')).toBe(0);
    expect(owner.text(owner.intern('name 7'))).toBe('name 7');
  });
});
