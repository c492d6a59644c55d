// raziel backup, restore and inspect, with the real server.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, watch, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';
import { temporaryDirectory } from '../support/data-directory.ts';
import { fillServer, type ServerState, stateOf } from '../support/server-state.ts';
import { run } from './cli-process.ts';

const DRIVERS = 1_500;
const TIMEOUT = { timeout: 120_000 };

/** A directory and a backup of it, with what the server held. */
let whole: { readonly data: string; readonly file: string; readonly state: ServerState };

async function boot(data: string, ...flags: string[]): Promise<BootedServer> {
  const server = await bootServer('--data', data, ...flags);
  onTestFinished(async () => {
    server.process.kill('SIGKILL');
    await server.exited;
  });
  return server;
}

const newPath = (name: string): string => join(temporaryDirectory(), name);
const inspected = async (path: string): Promise<Record<string, unknown> & { damage: string[] }> =>
  JSON.parse((await run(['inspect', path, '--json'])).stdout);

beforeAll(async () => {
  const data = newPath('data');
  const file = newPath('whole.backup');
  const server = await bootServer('--data', data);
  await fillServer(server, DRIVERS);
  const state = await stateOf(server);
  expect(await run(['backup', file, '--url', server.url])).toMatchObject({ code: 0 });
  expect(await server.stop()).toBe(0);
  whole = { data, file, state };
}, 60_000);

test('what a server held comes back from its backup, in a new directory and in place of another', TIMEOUT, async () => {
  const data = newPath('restored');
  const restored = await run(['restore', whole.file, '--data', data]);
  expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining('1,500 drivers, 2 layers of zones') });
  const server = await boot(data);
  expect(await stateOf(server)).toEqual(whole.state);

  const taken = await run(['restore', whole.file, '--data', data, '--force']);
  expect(taken).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`another server (process ${server.process.pid})`),
  });
  await fetch(`${server.url}/v1/drivers/driver:1`, { method: 'DELETE' });
  await fetch(`${server.url}/v1/zones/city`, { method: 'DELETE' });
  expect(await server.stop()).toBe(0);

  const full = await run(['restore', whole.file, '--data', data]);
  expect(full).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/has data already, .* --force puts the backup in its place/),
  });
  expect((await inspected(data))['drivers']).toBe(DRIVERS - 1);
  expect(await run(['restore', whole.file, '--data', data, '--force'])).toMatchObject({ code: 0 });
  expect(readdirSync(data).toSorted()).toEqual(['raziel.lock', 'raziel.mdb']);
  expect(await stateOf(await boot(data))).toEqual(whole.state);
});

test('a backup in the middle of a feed has every fix that was acknowledged as durable before it', TIMEOUT, async () => {
  const server = await boot(newPath('data'));
  const feed = await RawClient.connect(server);
  const durable = new Map<string, number>();
  const fed = { step: 0, isOver: false };
  const fixesOf = (now: number): object[] =>
    Array.from({ length: 300 }, (_, i) => ({
      id: `d${(now * 7 + i) % 2_000}`,
      lat: (now % 800) / 10,
      lon: 1,
      speed: now,
      ttl: 3_600,
    }));
  const feeding = (async () => {
    while (!fed.isOver) {
      const now = ++fed.step;
      const batch = fixesOf(now) as { id: string }[];
      const ack = now % 3 === 0 ? 'durable' : 'applied';
      expect(await feed.ask({ op: 'locations', ack, batch })).toMatchObject({ rejected: [] });
      if (ack === 'durable') for (const { id } of batch) durable.set(id, now);
    }
  })();
  for (let round = 0; round < 2; round++) {
    const from = fed.step + 10;
    while (fed.step < from) await new Promise((resolve) => setImmediate(resolve));
    const before = new Map(durable);
    const file = newPath('feed.backup');
    expect(await run(['backup', file, '--url', server.url])).toMatchObject({ code: 0 });
    const after = fed.step;
    const data = newPath('restored');
    expect(await run(['restore', file, '--data', data])).toMatchObject({ code: 0 });
    const second = await boot(data);
    const asker = await RawClient.connect(second);
    expect(before.size).toBeGreaterThan(0);
    for (const [id, at] of before) {
      const held = await asker.ask({ op: 'driver', id });
      const got = Number(held['speed']);
      expect({ id, at, got, isRight: got >= at && got <= after }).toMatchObject({ isRight: true });
      // None is half there.
      expect(held).toMatchObject({ lat: (got % 800) / 10, lon: 1 });
    }
    expect(await second.stop()).toBe(0);
  }
  fed.isOver = true;
  await feeding;
});

test('a directory that no server has is backed up as it is, and inspected', TIMEOUT, async () => {
  const file = newPath('cold.backup');
  expect(await run(['backup', file, '--data', whole.data])).toMatchObject({ code: 0 });
  const wanted = { drivers: DRIVERS, damagedDrivers: 0, formatVersion: 1, zonesVersion: 2, damage: [] };
  const layers = [
    expect.objectContaining({ name: 'city', version: 1, zones: 40 }),
    expect.objectContaining({ name: 'suburbs', version: 2 }),
  ];
  expect(await inspected(whole.data)).toMatchObject({ ...wanted, kind: 'data directory', layers });
  expect(await inspected(file)).toMatchObject({ ...wanted, kind: 'backup', layers });
  expect((await run(['inspect', file])).stdout).toMatch(/drivers +1,500\n[^]*damage +none/);
  const data = newPath('restored');
  expect(await run(['restore', file, '--data', data])).toMatchObject({ code: 0 });
  expect(await stateOf(await boot(data))).toEqual(whole.state);
});

test('a backup that is cut off or changed is refused, and nothing is touched', TIMEOUT, async () => {
  const bytes = readFileSync(whole.file);
  const damages: [string, (file: string) => void][] = [
    ['cut off in the middle', (file) => truncateSync(file, bytes.length >> 1)],
    ['cut off at the end', (file) => truncateSync(file, bytes.length - 1)],
    ['empty', (file) => truncateSync(file, 0)],
    [
      'with a flipped bit',
      (file) => {
        const flipped = Buffer.from(bytes);
        flipped[bytes.length >> 1] = (flipped[bytes.length >> 1] as number) ^ 4;
        writeFileSync(file, flipped);
      },
    ],
  ];
  for (const [what, damage] of damages) {
    const file = newPath('damaged.backup');
    writeFileSync(file, bytes);
    damage(file);
    const data = newPath('restored');
    const refused = await run(['restore', file, '--data', data]);
    expect(refused, what).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/nothing was restored from .*: (it ends|it is no|the chunk)/),
    });
    expect(existsSync(data), what).toBe(false);
    const before = readFileSync(join(whole.data, 'raziel.mdb'));
    expect(await run(['restore', file, '--data', whole.data, '--force']), what).toMatchObject({ code: 1 });
    expect(readFileSync(join(whole.data, 'raziel.mdb')).equals(before), what).toBe(true);
    const looked = await run(['inspect', file, '--json']);
    expect(looked.code, what).toBe(1);
    expect((JSON.parse(looked.stdout) as { damage: string[] }).damage.length, what).toBe(1);
  }
});

test('damage in a data directory is shown by raziel inspect, and is not backed up', TIMEOUT, async () => {
  const data = newPath('damaged');
  mkdirSync(data);
  const bytes = readFileSync(join(whole.data, 'raziel.mdb'));
  writeFileSync(join(data, 'raziel.mdb'), bytes.subarray(0, bytes.length >> 1));
  const looked = await run(['inspect', data]);
  expect(looked).toMatchObject({ code: 1, stdout: expect.stringMatching(/DAMAGE +the file /) });
  const file = newPath('none.backup');
  expect(await run(['backup', file, '--data', data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no backup was made: the file'),
  });
  expect(existsSync(file)).toBe(false);
});

test(
  'a file that is there is kept unless --force says otherwise, and what cannot be reached is said',
  TIMEOUT,
  async () => {
    const file = newPath('kept.backup');
    writeFileSync(file, 'precious');
    expect(await run(['backup', file, '--data', whole.data])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--force replaces it'),
    });
    expect(await run(['backup', file, '--force', '--url', 'http://127.0.0.1:1'])).toMatchObject({ code: 3 });
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(readdirSync(join(file, '..'))).toEqual(['kept.backup']);
    expect(await run(['backup', file, '--data', whole.data, '--force'])).toMatchObject({ code: 0 });
    const memory = await bootServer();
    onTestFinished(async () => {
      await memory.stop();
    });
    const refused = await run(['backup', newPath('x'), '--url', memory.url]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('NOT_SUPPORTED') });
    expect(await run(['inspect', newPath('nothing')])).toMatchObject({ code: 2 });
  },
);

test(
  'a client that asks for a backup and does not read holds up nobody, and leaves nothing behind',
  TIMEOUT,
  async () => {
    const data = newPath('data');
    const server = await boot(data);
    const client = await RawClient.connect(server);
    // More than sockets take by themselves: some 14 MB.
    for (let first = 0; first < 160_000; first += 2_000) {
      const batch = Array.from({ length: 2_000 }, (_, i) => [`driver:${first + i}`, 1, 1, null, 9, 9, 9, null, 600]);
      await client.ask({ op: 'locations', batch });
    }
    const lazy = connect(server.port, '127.0.0.1');
    lazy.on('error', () => {});
    lazy.write('GET /v1/backup HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    await once(lazy, 'readable');
    lazy.pause();
    expect(await client.ask({ op: 'locations', ack: 'durable', batch: [['late', 2, 2]] })).toMatchObject({
      accepted: 1,
    });
    const file = newPath('second.backup');
    expect(await run(['backup', file, '--url', server.url])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('OVERLOADED'),
    });
    expect(readdirSync(data).filter((name) => name.startsWith('backup-'))).toEqual([]);
    lazy.destroy();
    // The server hears of it a moment later.
    let again = await run(['backup', file, '--url', server.url]);
    while (again.stderr.includes('OVERLOADED')) again = await run(['backup', file, '--url', server.url]);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('160,001 drivers') });

    // A server that is killed meanwhile leaves no half backup.
    const cut = newPath('cut.backup');
    const asking = run(['backup', cut, '--url', server.url]);
    const watcher = watch(join(cut, '..'));
    await once(watcher, 'change');
    watcher.close();
    server.process.kill('SIGSTOP');
    server.process.kill('SIGKILL');
    const ended = await asking;
    if (ended.code !== 0) expect(readdirSync(join(cut, '..'))).toEqual([]);
    else expect((await inspected(cut)).damage).toEqual([]);
  },
);

const hasPrlimit = (() => {
  try {
    execFileSync('prlimit', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn('NOT TESTED: prlimit is not installed');
    return false;
  }
})();

test.runIf(hasPrlimit)(
  'a disk that is full leaves no half file, on either side, and the server goes on',
  TIMEOUT,
  async () => {
    const server = await boot(newPath('data'));
    await fillServer(server, DRIVERS);
    const directory = temporaryDirectory();
    const bin = fileURLToPath(new URL('../../bin/raziel.mjs', import.meta.url));
    const limited = async (args: string[]): Promise<{ code: number | null; stderr: string }> => {
      const child = spawn('prlimit', ['--fsize=20000', process.execPath, bin, ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let stderr = '';
      child.stderr.on('data', (text: Buffer) => {
        stderr += text.toString();
      });
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, stderr };
    };
    const here = await limited(['backup', join(directory, 'here.backup'), '--url', server.url]);
    expect(here).toMatchObject({ code: 1, stderr: expect.stringContaining('no backup was made: EFBIG') });
    expect(readdirSync(directory)).toEqual([]);
    const restored = await limited(['restore', whole.file, '--data', join(directory, 'data')]);
    expect(restored).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing was restored') });
    expect(readdirSync(directory)).toEqual([]);

    execFileSync('prlimit', ['--pid', String(server.process.pid), '--fsize=20000:unlimited']);
    const there = await run(['backup', join(directory, 'there.backup'), '--url', server.url]);
    expect(there).toMatchObject({ code: 1, stderr: expect.stringContaining('no backup was made: STORAGE_FULL') });
    expect(readdirSync(directory)).toEqual([]);
    execFileSync('prlimit', ['--pid', String(server.process.pid), '--fsize=unlimited']);
    expect(await run(['backup', join(directory, 'now.backup'), '--url', server.url])).toMatchObject({ code: 0 });
    const data = /data directory ([^ ]+) is open/.exec(server.log())?.[1];
    if (data !== undefined) expect(readdirSync(data).filter((name) => name.startsWith('backup-'))).toEqual([]);
  },
);
