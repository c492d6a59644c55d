// A data directory and a backup of every format that a version of Raziel has written, opened by the server of today; and of a format of tomorrow,
// which is refused.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { BackupWriter } from '../../src/storage/backup/format.ts';
import { openData } from '../../src/storage/open-data.ts';
import { bootServer, bootServerWith } from '../support/booted-server.ts';
import { temporaryDirectory } from '../support/data-directory.ts';
import { WallClock } from '../support/wall-clock.ts';
import { run } from './cli-process.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/storage/', import.meta.url));
const VERSIONS = readdirSync(FIXTURES).filter((name) => /^v\d+$/.test(name));
const TIMEOUT = { timeout: 60_000 };

/** The drivers of a fixture live for 30 days from when it was made. */
const made = await WallClock.make();
const wall = made instanceof WallClock ? made : undefined;
if (wall === undefined)
  console.warn(`NOT TESTED: the drivers of older formats, for want of a wall clock to move: ${made as string}`);
afterAll(() => wall?.close());

interface Known {
  readonly time: number;
  readonly lastId: string;
  readonly zones: { readonly version: number };
  readonly drivers: readonly { readonly id: string; readonly tags?: readonly string[] }[];
}

const knownOf = (version: string): Known => JSON.parse(readFileSync(join(FIXTURES, version, 'state.json'), 'utf8'));

/** A directory with what is to be opened, as it is and restored from the backup. */
const WAYS: readonly [string, (version: string, directory: string) => Promise<void>][] = [
  [
    'a data directory',
    async (version, directory) => {
      mkdirSync(directory);
      copyFileSync(join(FIXTURES, version, 'raziel.mdb'), join(directory, 'raziel.mdb'));
    },
  ],
  [
    'a backup',
    async (version, directory) => {
      const file = join(FIXTURES, version, 'raziel.backup');
      expect(await run(['restore', file, '--data', directory])).toMatchObject({ code: 0 });
    },
  ],
];

test('there is a fixture of the format that is written today', async () => {
  const directory = join(temporaryDirectory(), 'data');
  await (await bootServer('--data', directory)).stop();
  const { stdout } = await run(['inspect', directory, '--json']);
  expect(VERSIONS).toContain(`v${(JSON.parse(stdout) as { formatVersion: number }).formatVersion}`);
});

describe.each(VERSIONS)('format %s', (version) => {
  describe.each(WAYS)('from %s', (_, prepare) => {
    test.skipIf(wall === undefined)('has its drivers, zones and ids in the server of today', TIMEOUT, async () => {
      const known = knownOf(version);
      const directory = join(temporaryDirectory(), 'data');
      await prepare(version, directory);
      const clock = wall as WallClock;
      clock.set(known.time + 60_000 - Date.now());
      const server = await bootServerWith(clock.env, '--data', directory, '--log-level', 'info');
      onTestFinished(async () => {
        await server.stop();
      });
      const ask = async (path: string): Promise<unknown> => (await fetch(server.url + path)).json();
      expect(await ask('/v1/zones')).toEqual(known.zones);
      expect(await ask('/v1/zones/at?lat=0&lon=0')).toMatchObject({ version: known.zones.version });
      for (const { time, ...driver } of known.drivers as (Known['drivers'][number] & { time: number })[]) {
        const tags = driver.tags === undefined ? {} : { tags: driver.tags.toSorted() };
        const held = await ask(`/v1/drivers/${encodeURIComponent(driver.id)}`);
        expect(held).toMatchObject({ ...driver, ...tags, time });
      }
      expect(await ask('/v1/drivers/removed')).toMatchObject({ error: { code: 'UNKNOWN_DRIVER' } });
      const { ids } = (await ask('/v1/ids')) as { ids: [string] };
      expect(BigInt(ids[0])).toBeGreaterThan(BigInt(known.lastId));
      expect(server.log()).not.toMatch(/"level":50/);
    });
  });
});

/** 'RZLDATA\n' and a version. */
const formatOf = (version: number): Buffer => {
  const bytes = Buffer.from('RZLDATA\n\0\0\0\0', 'latin1');
  bytes.writeUInt32LE(version, 8);
  return bytes;
};

test('a newer format is refused with what to do, by the server and by every command', TIMEOUT, async () => {
  const directory = join(temporaryDirectory(), 'data');
  mkdirSync(directory);
  const { environment } = await openData(directory, 2 ** 26);
  environment.commit(() => environment.meta.putSync('format', formatOf(99)));
  await environment.close();
  const said =
    /its format has version 99, and this Raziel knows versions up to \d+: start the newer Raziel that wrote it, or another --data/;
  await expect(bootServer('--data', directory)).rejects.toThrow(said);
  expect(await run(['inspect', directory])).toMatchObject({ code: 1, stderr: expect.stringMatching(said) });
  const file = join(temporaryDirectory(), 'a.backup');
  expect(await run(['backup', file, '--data', directory])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(said),
  });

  const chunks: Buffer[] = [];
  const writer = new BackupWriter({ createdAt: new Date().toISOString(), raziel: '99.0.0' }, (bytes) =>
    chunks.push(bytes),
  );
  writer.add('meta', Buffer.from('format'), formatOf(99));
  writer.end();
  writeFileSync(file, Buffer.concat(chunks));
  const restored = join(temporaryDirectory(), 'data');
  expect(await run(['restore', file, '--data', restored])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(said),
  });
});
