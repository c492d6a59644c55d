// The start and the end of a worker thread, as whoever started it sees them.

import { describe, expect, test } from 'vitest';
import { startWorker } from '../../src/watched-worker.ts';

function start(body: string) {
  const failures: Error[] = [];
  const script = new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${body}`)}`,
  );
  const thread = startWorker(script, {}, 'the thread', (error) => failures.push(error));
  return { thread, failures };
}

describe('a worker thread', () => {
  test('that ends by itself is a failure, with what it threw', async () => {
    const { thread, failures } = start(`throw new Error('out of luck')`);
    await thread.ended;
    expect(failures.map(({ message, cause }) => [message, (cause as Error).message])).toEqual([
      ['the thread ended unexpectedly', 'out of luck'],
    ]);
    expect((thread.cause as Error).message).toBe('out of luck');
  });

  test('that ends when it is asked to, or after somebody expected it, is none', async () => {
    const asked = start(`parentPort.once('message', (message) => { if (message === 'stop') parentPort.unref(); })`);
    await asked.thread.stop('stop');
    const expected = start(`parentPort.once('message', () => {})`);
    expected.thread.expectEnd();
    expected.thread.worker.postMessage('go');
    await expected.thread.ended;
    expect([asked.failures, expected.failures]).toEqual([[], []]);
  });

  test('that does not end in time is terminated', async () => {
    const { thread, failures } = start(`parentPort.on('message', () => { for (;;); })`);
    await thread.stop('stop', 1);
    expect(failures).toEqual([]);
  });
});
