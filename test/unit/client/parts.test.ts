import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../src/client/backoff.ts';
import { RazielClientError } from '../../../src/client/errors.ts';
import { Outbox, type Request } from '../../../src/client/outbox.ts';
import { webSocketUrl } from '../../../src/client/url.ts';

describe('webSocketUrl', () => {
  it.each([
    ['localhost:7400', 'ws://localhost:7400/v1/ws'],
    ['127.0.0.1', 'ws://127.0.0.1/v1/ws'],
    ['[::1]:7400', 'ws://[::1]:7400/v1/ws'],
    ['http://a.example:7400/', 'ws://a.example:7400/v1/ws'],
    ['https://a.example', 'wss://a.example/v1/ws'],
    ['wss://a.example/other?token=t', 'wss://a.example/other?token=t'],
  ])('makes %s into %s', (address, url) => {
    expect(webSocketUrl(address)).toBe(url);
  });

  it.each(['ftp://a', '', 'ws://', 'a b'])('refuses %j', (address) => {
    expect(() => webSocketUrl(address)).toThrow(RazielClientError);
  });
});

const highest = (attempt: number): number => backoffMs(attempt, { baseMs: 100, maxMs: 1000 }, () => 1);

describe('backoffMs', () => {
  it('doubles its ceiling up to the highest, and takes any part of it', () => {
    expect([0, 1, 2, 3, 4, 5000].map(highest)).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(backoffMs(3, {}, () => 0)).toBe(0);
    expect(backoffMs(3, {}, () => 0.5)).toBe(400);
  });
});

const request = (ref: number, fixes = 0): Request => ({
  ref,
  op: 'x',
  bytes: new Uint8Array(10),
  fixes,
  resend: true,
  answered: true,
  deadlineMs: 0,
  attempts: 0,
  sentMs: 0,
  done: false,
  resolve: () => {},
  reject: () => {},
});

describe('Outbox', () => {
  const LIMITS = { pendingMax: 10_000, pendingBytesMax: 1e9, overflow: 'reject' } as const;

  it('hands requests out in order, those to be sent again first', () => {
    const outbox = new Outbox(LIMITS);
    for (let ref = 1; ref <= 5; ref += 1) outbox.add(request(ref));
    expect([outbox.next()?.ref, outbox.next()?.ref, outbox.next()?.ref]).toEqual([1, 2, 3]);
    outbox.settle(outbox.inFlightByRef(2) as Request);
    expect(outbox.requeue(({ ref }) => ref !== 3).map(({ ref }) => ref)).toEqual([3]);
    expect([...outbox.all()].map(({ ref }) => ref)).toEqual([1, 4, 5]);
    expect(outbox).toMatchObject({ size: 3, queued: 3, inFlight: 0, bytes: 30 });
    expect([outbox.next()?.ref, outbox.next()?.ref, outbox.next()?.ref, outbox.next()]).toEqual([1, 4, 5, undefined]);
  });

  it('skips what was settled in the queue, and counts stay right through thousands of them', () => {
    const outbox = new Outbox(LIMITS);
    const all = Array.from({ length: 9_000 }, (_, i) => request(i + 1));
    for (const one of all) outbox.add(one);
    for (const one of all) if (one.ref % 100 !== 0) outbox.settle(one);
    expect(outbox).toMatchObject({ size: 90, bytes: 900 });
    const left: number[] = [];
    for (let next = outbox.next(); next !== undefined; next = outbox.next()) left.push(next.ref);
    expect(left).toEqual(Array.from({ length: 90 }, (_, i) => (i + 1) * 100));
    for (const ref of left) outbox.settle(outbox.inFlightByRef(ref) as Request);
    expect(outbox).toMatchObject({ size: 0, bytes: 0, queued: 0, inFlight: 0 });
  });
});
