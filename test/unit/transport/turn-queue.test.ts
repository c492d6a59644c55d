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
  const { done, work } = working(0.4);
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

test('what others brought meanwhile is done before the line goes on', async () => {
  const { done, work } = working(0.1);
  const queue = new TurnQueue(() => work('others'));
  queue.later(() => work('line'));
  await nextTurn();
  expect(done).toEqual(['others', 'line']);
});

test('a turn is over for whoever had a share of it when all together have used it up, and for nobody else', async () => {
  const queue = new TurnQueue();
  expect(queue.spend(900, 900, false)).toBe(false);
  expect(queue.spend(200, 200, true)).toBe(false);
  expect(queue.spend(1, 1, false)).toBe(false);
  expect(queue.spend(1, 100, false)).toBe(true);
  const { number } = queue;
  queue.later(() => {});
  await nextTurn();
  expect(queue.number).not.toBe(number);
  expect(queue.spend(900, 900, false)).toBe(false);
});

test('a turn is over for whoever had one alone', () => {
  const queue = new TurnQueue();
  expect(queue.spend(500, 999, true)).toBe(false);
  expect(queue.spend(500, 1_000, true)).toBe(true);
});

test('what others brought is done between frames that are held as they come, too', () => {
  let flushed = 0;
  const queue = new TurnQueue(() => flushed++);
  for (let i = 0; i < 255; i++) queue.held();
  expect(flushed).toBe(0);
  for (let i = 255; i < 1_000; i++) queue.held();
  expect(flushed).toBe(3);
});

test('the line has less of a turn in which much was held, but not nothing', async () => {
  const queue = new TurnQueue();
  const { done, work } = working(0.125);
  for (let i = 0; i < 20; i++) queue.later(() => work('line'));
  queue.held();
  for (let i = 0; i < 4; i++) work('reading');
  await nextTurn();
  expect(done.filter((name) => name === 'line')).toHaveLength(4);
  queue.held();
  for (let i = 0; i < 50; i++) work('reading');
  await nextTurn();
  expect(done.filter((name) => name === 'line')).toHaveLength(4 + 2);
  await nextTurn();
  expect(done.filter((name) => name === 'line')).toHaveLength(4 + 2 + 8);
});

test('a connection has as much of the turn as the line has', async () => {
  const queue = new TurnQueue();
  const { work } = working(1);
  const isOver: boolean[] = [];
  queue.later(() => isOver.push(queue.spend(300, 300, false)));
  queue.held();
  work('reading');
  await nextTurn();
  isOver.push(queue.spend(300, 300, false));
  expect(isOver).toEqual([true, false]);
});
