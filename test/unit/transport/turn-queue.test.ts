// The line of connections that have had their share of the thread.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { TurnQueue } from '../../../src/transport/turn-queue.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Work that takes so long by the clock, and notes its name. */
function working(ms: number) {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const done: string[] = [];
  const work = (name: string): void => {
    now += ms;
    done.push(name);
  };
  return { done, work };
}

test('a turn of the event loop is shared by those in front, and the others wait for the next', async () => {
  const queue = new TurnQueue();
  const { done, work } = working(0.8);
  for (const name of ['a', 'b', 'c', 'd', 'e']) queue.later(() => work(name));
  expect(done).toEqual([]);
  await nextTurn();
  expect(done).toEqual(['a', 'b', 'c']);
  await nextTurn();
  expect(done).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('who is not done goes to the end of the line', async () => {
  const queue = new TurnQueue();
  const { done, work } = working(5);
  const greedy = (): void => {
    work('greedy');
    queue.later(greedy);
  };
  queue.later(greedy);
  queue.later(() => work('other'));
  await nextTurn();
  await nextTurn();
  await nextTurn();
  expect(done).toEqual(['greedy', 'other', 'greedy']);
});
