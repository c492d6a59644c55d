// Damaged data files, with the real server: cut off, and with flipped bits anywhere. A start either has the state as it was, or says how many
// drivers it dropped and has all the others, or refuses and says what to do. It never ends by a signal and never answers with something else.
//
//   RAZIEL_DAMAGES=500 RAZIEL_DAMAGE_SEED=7 npx vitest run test/system/durability-damage.test.ts

import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/demo/random.ts';
import { type BootedServer, bootServer } from '../support/booted-server.ts';
import { temporaryDirectory } from '../support/data-directory.ts';
import { fillServer, type ServerState, stateOf } from '../support/server-state.ts';

const DAMAGES = Number(process.env.RAZIEL_DAMAGES ?? 15);
const SEED = Number(process.env.RAZIEL_DAMAGE_SEED ?? 7400);
const DRIVERS = 2_000;
const FLAGS = ['--log-level', 'info', '--trace-rate', '1', '--trace-retention', '3600'];
const REFUSAL =
  /the data directory .* is damaged: .*\. Put a backup in its place \(raziel restore FILE --data .* --force\), or start with another --data/;

let whole: string;
let wanted: ServerState;

beforeAll(async () => {
  whole = join(temporaryDirectory(), 'whole');
  const server = await bootServer('--data', whole, ...FLAGS);
  await fillServer(server, DRIVERS);
  wanted = await stateOf(server);
  expect(wanted.drivers.size).toBe(DRIVERS);
  expect(await server.stop()).toBe(0);
}, 60_000);

type Outcome = 'same' | 'refused' | 'dropped';

/** Starts a server on a damaged copy and looks at what it has. */
async function outcomeOf(damage: (directory: string) => void, what: string): Promise<Outcome> {
  const directory = join(temporaryDirectory(), 'data');
  cpSync(whole, directory, { recursive: true });
  damage(directory);
  let server: BootedServer;
  try {
    server = await bootServer('--data', directory, ...FLAGS);
  } catch (error) {
    expect((error as Error).message, what).toMatch(REFUSAL);
    return 'refused';
  }
  onTestFinished(async () => {
    server.process.kill('SIGKILL');
    await server.exited;
  });
  const state = await stateOf(server);
  expect(state.zones, what).toEqual(wanted.zones);
  const dropped = Number(/storage: (\d+) stored drivers are damaged and were dropped/.exec(server.log())?.[1] ?? 0);
  expect(DRIVERS - state.drivers.size, what).toBe(dropped);
  for (const [id, driver] of state.drivers) expect(driver, what).toBe(wanted.drivers.get(id));
  expect(await server.stop(), what).toBe(0);
  return dropped === 0 ? 'same' : 'dropped';
}

const fileOf = (directory: string): string => join(directory, 'raziel.mdb');

test('a data file that is cut off anywhere within what it holds is refused', { timeout: 120_000 }, async () => {
  const { length } = readFileSync(fileOf(whole));
  for (const at of [
    0,
    1,
    100,
    4_095,
    4_096,
    8_192,
    Math.floor(length / 3),
    Math.floor(length / 2),
    length - 4_096,
    length - 1,
  ]) {
    const outcome = await outcomeOf(
      (directory) => truncateSync(fileOf(directory), at),
      `cut off at ${at} of ${length}`,
    );
    // What is free may be at its end.
    if (at < length / 2) expect(outcome, `cut off at ${at}`).toBe('refused');
  }
});

test(`${DAMAGES} flipped bits all over the data file: each is refused, said or without effect (seed ${SEED})`, {
  timeout: 30_000 + 10_000 * DAMAGES,
}, async () => {
  const random = seededRandom(SEED);
  const bytes = readFileSync(fileOf(whole));
  const counts = { same: 0, refused: 0, dropped: 0 };
  for (let i = 0; i < DAMAGES; i++) {
    // Every third in the meta pages, or in the first bytes of another page, where its header is.
    const page = random() < 0.3 ? Math.floor(random() * 2) : Math.floor((random() * bytes.length) / 4_096);
    const at = i % 3 === 0 ? 4_096 * page + Math.floor(random() * 64) : Math.floor(random() * bytes.length);
    const bit = Math.floor(random() * 8);
    const flip = (directory: string): void => {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ (1 << bit);
      writeFileSync(fileOf(directory), flipped);
    };
    counts[await outcomeOf(flip, `bit ${bit} of byte ${at} (seed ${SEED})`)]++;
  }
  console.info(`flipped bits: ${JSON.stringify(counts)}`);
  expect(counts.refused).toBeGreaterThan(0);
});

test('a data file of zeros, of something else, or of text is refused', { timeout: 60_000 }, async () => {
  const contents = [
    new Uint8Array(1_000_000),
    readFileSync(process.execPath).subarray(0, 200_000),
    Buffer.from('hello\n'),
  ];
  for (const content of contents) {
    const outcome = await outcomeOf((directory) => writeFileSync(fileOf(directory), content), 'another content');
    expect(outcome).toBe('refused');
  }
});

test("LMDB's file of locks may be anything: it is made anew", { timeout: 60_000 }, async () => {
  const random = seededRandom(SEED);
  for (const size of [0, 10, 8_192, 100_000]) {
    const garbage = Uint8Array.from({ length: size }, () => random() * 256);
    const outcome = await outcomeOf(
      (directory) => writeFileSync(`${fileOf(directory)}-lock`, garbage),
      'the file of locks',
    );
    expect(outcome).toBe('same');
  }
});

test('a damaged file of traces is put aside, since traces can be spared', { timeout: 60_000 }, async () => {
  expect(readdirSync(whole)).toContain('traces.mdb');
  const damages = [
    (path: string) => truncateSync(path, 4_096),
    (path: string) => writeFileSync(path, new Uint8Array(100_000)),
    (path: string) => truncateSync(path, 3 * 4_096),
  ];
  for (const damage of damages) {
    expect(await outcomeOf((directory) => damage(join(directory, 'traces.mdb')), 'traces')).toBe('same');
  }
});

test('a data file whose making was interrupted is made anew', async () => {
  const directory = join(temporaryDirectory(), 'data');
  mkdirSync(directory);
  copyFileSync(fileOf(whole), join(directory, 'raziel.mdb.new'));
  const server = await bootServer('--data', directory);
  expect((await stateOf(server)).drivers.size).toBe(0);
  expect(await server.stop()).toBe(0);
  expect(readdirSync(directory)).not.toContain('raziel.mdb.new');
  rmSync(directory, { recursive: true });
});
