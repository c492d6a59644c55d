// A server that is killed while it starts: what is stored, and what is only logged yet, is whole however often that happens.

import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/demo/random.ts';
import { type Answer, bootServer, RawClient } from '../support/booted-server.ts';
import { dataDirectory } from '../support/data-directory.ts';
import { Cli } from './cli-process.ts';

const KILLS = Math.ceil(Number(process.env.RAZIEL_KILLS ?? 15) / 3);
const SEED = 7400;
const DRIVERS = 60_000;
const BATCH = 10_000;
/** They expire before the first start, which therefore rewrites their blocks. */
const BRIEF = 3_000;

async function boot(data: string) {
  const server = await bootServer('--data', data, '--log-level', 'info');
  onTestFinished(async () => {
    server.process.kill('SIGKILL');
    await server.exited;
  });
  return { server, client: await RawClient.connect(server) };
}

const fixAt = (i: number, step: number, more: object = {}): object => ({
  id: `driver:${i}`,
  lat: i / 1000 - 30,
  lon: step,
  speed: step,
  tags: [`kind${i % 7}`],
  ttl: 30 * 24 * 3600,
  ...more,
});

test(`${KILLS} kills of a server that loads what is stored leave all of it whole (seed ${SEED})`, {
  timeout: 120_000 + KILLS * 20_000,
}, async () => {
  const random = seededRandom(SEED);
  const data = dataDirectory();
  const first = await boot(data);
  for (let from = 0; from < DRIVERS; from += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, i) => fixAt(from + i, 1));
    expect(await first.client.ask({ op: 'locations', batch })).toMatchObject({ accepted: BATCH });
  }
  const brief = Array.from({ length: BRIEF }, (_, i) => fixAt(DRIVERS + i, 1, { ttl: 0.5 }));
  await first.client.ask({ op: 'locations', batch: brief });
  // All blocks, then some fixes that are in the log alone when it ends.
  await first.client.ask({ op: 'locations', ack: 'durable', batch: [] });
  const moved = new Set(Array.from({ length: 500 }, () => Math.floor(random() * DRIVERS)));
  const batch = [...moved].map((i) => fixAt(i, 2));
  expect(await first.client.ask({ op: 'locations', ack: 'durable', batch })).toMatchObject({ accepted: moved.size });
  first.server.process.kill('SIGKILL');
  await first.server.exited;

  let duringLoad = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const cli = new Cli(['serve', '--port', '0', '--json', '--threads', '1', '--data', data, '--log-level', 'info']);
    await cli.until(({ stderr }) => stderr.includes(' is open'));
    // A load takes about so long; the first is killed as soon as it begins.
    if (kill > 0) await new Promise((resolve) => setTimeout(resolve, random() * 300));
    cli.interrupt('SIGKILL');
    const { stderr } = await cli.ended;
    if (!stderr.includes('drivers loaded')) duringLoad++;
    expect(stderr).not.toMatch(/"level":(50|60)/);
  }
  expect(duringLoad).toBeGreaterThan(0);

  const { server, client } = await boot(data);
  expect(server.log()).toMatch(new RegExp(`storage: ${DRIVERS} drivers loaded`));
  expect(server.log()).not.toMatch(/"level":(50|60)/);
  const held = await heldBy(client);
  const wrong = held.flatMap((answer, i) => {
    const { ref: _, age: __, time: ___, ...fix } = answer;
    return JSON.stringify(sorted(fix)) === JSON.stringify(sorted(fixAt(i, moved.has(i) ? 2 : 1))) ? [] : [answer];
  });
  expect(wrong).toEqual([]);
  expect(await client.ask({ op: 'driver', id: `driver:${DRIVERS}` })).toMatchObject({
    error: { code: 'UNKNOWN_DRIVER' },
  });
  expect(await server.stop()).toBe(0);
});

/** Every driver, in their order, some thousand requests in flight. */
async function heldBy(client: RawClient): Promise<Answer[]> {
  const before = client.answers.length;
  for (let from = 0; from < DRIVERS; from += 5_000) {
    for (let i = from; i < from + 5_000; i++) client.sendPacked({ op: 'driver', id: `driver:${i}` });
    await client.until(before + from + 5_000);
  }
  return client.answers.slice(before);
}

const sorted = (fix: object): [string, unknown][] => Object.entries(fix).sort(([a], [b]) => (a < b ? -1 : 1));
