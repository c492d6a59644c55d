// A server that is told to stop while it starts, at whatever moment: it stops as one that has started does, without a fault in its log, or is gone
// before it listens to signals at all.
//
//   RAZIEL_STOPS=100 npx vitest run test/system/stop-at-start.test.ts

import { expect, test } from 'vitest';
import { seededRandom } from '../../src/demo/random.ts';
import { dataDirectory } from '../support/data-directory.ts';
import { Cli } from './cli-process.ts';

const STOPS = Number(process.env.RAZIEL_STOPS ?? 8);
const SEED = 7400;
/** What a start takes on a machine that has nothing else to do, and more. */
const START_MS = 600;

test(`${STOPS} servers that are told to stop at moments of their start end without a fault (seed ${SEED})`, {
  timeout: 60_000 + STOPS * 10_000,
}, async () => {
  const random = seededRandom(SEED);
  let stopped = 0;
  for (let i = 0; i < STOPS; i++) {
    const data = i % 4 < 2 ? [] : ['--data', dataDirectory()];
    const threads = ['--threads', String(1 + (i % 2))];
    const cli = new Cli(['serve', '--port', '0', '--json', '--drain-seconds', '2', ...threads, ...data]);
    // Every fourth as soon as it says that it listens.
    if (i % 4 === 3) await cli.until(({ stderr }) => stderr.includes('listening on'));
    else await new Promise((resolve) => setTimeout(resolve, random() * START_MS));
    cli.interrupt('SIGTERM');
    const { code, signal, stderr } = await cli.ended;
    expect({ i, code: signal === 'SIGTERM' ? 0 : code, stderr }).toMatchObject({ i, code: 0 });
    expect(stderr).not.toMatch(/terminate called|Uncaught|"level":(50|60)/i);
    if (code === 0) stopped++;
  }
  expect(stopped).toBeGreaterThan(0);
});
