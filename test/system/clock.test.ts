// A wall clock that jumps by an hour while a server runs, or between two of its runs: ttls, ids and the order of fixes stay right. The
// server is a process of its own whose wall clock the test moves (test/support/wall-clock.ts).

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { loadNative } from '../../src/drivers/native.ts';
import { decodeId, ID_EPOCH_MS_DEFAULT } from '../../src/ids/layout.ts';
import { type BootedServer, bootServerWith, RawClient } from '../support/booted-server.ts';
import { dataDirectory } from '../support/data-directory.ts';
import { WallClock } from '../support/wall-clock.ts';

const HOUR = 3_600_000;
/** More than the clock may be off by, and far less than it jumps. */
const SLACK_MS = 20_000;

const made = await WallClock.make();
const wall = made instanceof WallClock ? made : undefined;
if (wall === undefined) console.warn(`SKIPPED: clocks that jump, as no wall clock can be moved here: ${String(made)}`);
const native = loadNative();
if (!native.ok) console.warn(`SKIPPED: clocks that jump under the native engine: ${native.reason}`);

afterAll(() => wall?.close());

async function metric(server: BootedServer, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

async function boot(...flags: string[]): Promise<BootedServer> {
  return bootServerWith((wall as WallClock).env, ...flags);
}

const errorsOf = (server: BootedServer): string[] =>
  server
    .log()
    .split('\n')
    .filter((line) => line.includes('the wall clock jumped'));

const msOf = (id: bigint): number => decodeId(id).ms + ID_EPOCH_MS_DEFAULT;

const engines = [
  ['portable', '1', true],
  ['native', '2', native.ok],
] as const;

describe.each(engines)('the %s engine with %s threads', (engine, threads, isThere) => {
  describe.skipIf(wall === undefined || !isThere).each([
    ['back', -HOUR],
    ['forward', HOUR],
  ])('when the wall clock jumps an hour %s', (_, jumpMs) => {
    const clock = wall as WallClock;
    let server: BootedServer;
    let client: RawClient;
    let last = 0n;

    const ids = async (n: number): Promise<bigint[]> => {
      const answer = await client.ask({ op: 'ids', n }, 'json');
      return (answer['ids'] as string[]).map(BigInt);
    };
    const post = (...batch: unknown[]) => client.ask({ op: 'locations', batch });
    const driver = (id: string) => client.ask({ op: 'driver', id });

    beforeAll(async () => {
      clock.set(0);
      server = await boot('--engine', engine, '--threads', threads);
      client = await RawClient.connect(server);
      last = (await ids(1))[0] as bigint;
      expect(Math.abs(msOf(last) - Date.now())).toBeLessThan(SLACK_MS);
      await post(
        ['stays', 1, 1],
        ['brief', 2, 2, null, null, null, null, null, 1.5],
        ['late', 3, 3, Date.now() - 20_000],
      );
      clock.set(jumpMs);
    });

    afterAll(async () => {
      client?.close();
      expect(await server?.stop()).toBe(0);
    });

    test('the metrics show by how much, and the log says so once', async () => {
      await expect.poll(() => metric(server, 'raziel_clock_offset_seconds')).toBeCloseTo(jumpMs / 1000, 0);
      await expect.poll(() => errorsOf(server)).toHaveLength(1);
      expect(errorsOf(server)[0]).toContain(`3600.0 s ${jumpMs > 0 ? 'ahead of' : 'behind'} the server's clock`);
      expect(errorsOf(server)[0]).toContain('restart the server');
    });

    test('drivers neither vanish at once nor stay an hour longer', async () => {
      const { age } = (await driver('stays')) as { age?: number };
      expect(age).toBeGreaterThanOrEqual(0);
      expect(age).toBeLessThan(SLACK_MS / 1000);
      expect((await driver('late'))['age']).toBeGreaterThanOrEqual(20);
      await expect.poll(async () => (await driver('brief')).error?.code, { timeout: 10_000 }).toBe('UNKNOWN_DRIVER');
      await post(['after', 4, 4, null, null, null, null, null, 1]);
      expect((await driver('after'))['age']).toBeLessThan(SLACK_MS / 1000);
      await expect.poll(async () => (await driver('after')).error?.code, { timeout: 10_000 }).toBe('UNKNOWN_DRIVER');
      const found = await client.ask({ op: 'nearest', lat: 1, lon: 1 });
      expect(found).toMatchObject({ drivers: [{ id: 'stays' }] });
    });

    test('fixes without a time are newer than those before, and fixes with one are compared by it', async () => {
      const before = (await driver('stays')) as { time?: number };
      expect(await post(['stays', 1.001, 1])).toMatchObject({ accepted: 1, stale: 0 });
      const after = (await driver('stays')) as { time?: number };
      expect(after.time).toBeGreaterThan(before.time as number);
      expect(Math.abs((after.time as number) - Date.now())).toBeLessThan(SLACK_MS);
      expect(await post(['stays', 1, 1, Date.now() - 30_000])).toMatchObject({ accepted: 0, stale: 1 });
      // A device that has the time of the server's wall clock now is an hour off by the server's.
      const { rejected, stale } = (await post(['other', 5, 5, Date.now() + jumpMs])) as {
        rejected?: { code: string }[];
        stale?: number;
      };
      if (jumpMs > 0) expect(rejected?.map(({ code }) => code)).toEqual(['FUTURE_TIME']);
      else expect(stale).toBe(1);
    });

    test('ids go on rising, from the time that it is', async () => {
      const more = await ids(1_000);
      for (const id of more) {
        expect(id > last).toBe(true);
        last = id;
      }
      expect(Math.abs(msOf(last) - Date.now())).toBeLessThan(SLACK_MS);
    });

    test('nothing changes when it jumps back again, but that the log tells', async () => {
      clock.set(0);
      await expect.poll(() => metric(server, 'raziel_clock_offset_seconds')).toBeCloseTo(0, 0);
      await expect.poll(server.log).toContain('agrees with the server');
      expect((await driver('stays'))['age']).toBeLessThan(SLACK_MS / 1000);
      expect(((await ids(1))[0] as bigint) > last).toBe(true);
    });
  });
});

describe.skipIf(wall === undefined)('a restart with another wall clock', { timeout: 60_000 }, () => {
  const clock = wall as WallClock;

  async function idsOf(server: BootedServer): Promise<{ ids?: string[]; error?: { code: string } }> {
    return (await (await fetch(`${server.url}/v1/ids?n=3`)).json()) as object;
  }

  async function run(data: string, offsetMs: number): Promise<BootedServer> {
    clock.set(offsetMs);
    const server = await boot('--data', data);
    onTestFinished(async () => {
      server.process.kill('SIGKILL');
      await server.exited;
    });
    return server;
  }

  test('an hour behind refuses ids with CLOCK_BACKWARD rather than repeat one, and takes fixes by the new time', async () => {
    const data = dataDirectory();
    const first = await run(data, 0);
    const { ids } = await idsOf(first);
    expect(ids).toHaveLength(3);
    expect(await first.stop()).toBe(0);

    const second = await run(data, -HOUR);
    expect(second.log()).toMatch(/ids are refused with CLOCK_BACKWARD until/);
    expect(await idsOf(second)).toMatchObject({ error: { code: 'CLOCK_BACKWARD' } });
    expect((await fetch(`${second.url}/v1/ids`)).status).toBe(503);
    const client = await RawClient.connect(second);
    expect(await client.ask({ op: 'locations', batch: [['a', 1, 1]] })).toMatchObject({ accepted: 1 });
    const { time } = (await client.ask({ op: 'ping' })) as { time?: number };
    expect(Math.abs((time as number) - (Date.now() - HOUR))).toBeLessThan(SLACK_MS);
    client.close();
    expect(await second.stop()).toBe(0);

    const third = await run(data, 0);
    const later = await idsOf(third);
    expect(BigInt(later.ids?.[0] ?? 0) > BigInt(ids?.[2] ?? 0)).toBe(true);
  });

  test('an hour ahead goes on from there', async () => {
    const data = dataDirectory();
    const first = await run(data, 0);
    const { ids } = await idsOf(first);
    expect(await first.stop()).toBe(0);
    const second = await run(data, HOUR);
    const later = await idsOf(second);
    expect(BigInt(later.ids?.[0] ?? 0) > BigInt(ids?.[2] ?? 0)).toBe(true);
    expect(Math.abs(msOf(BigInt(later.ids?.[0] ?? 0)) - (Date.now() + HOUR))).toBeLessThan(SLACK_MS);
  });

  test('a few seconds behind, after a kill, goes on at once behind what was reserved', async () => {
    const data = dataDirectory();
    const first = await run(data, 0);
    const { ids } = await idsOf(first);
    first.process.kill('SIGKILL');
    await first.exited;
    const second = await run(data, -5_000);
    const later = await idsOf(second);
    expect(BigInt(later.ids?.[0] ?? 0) > BigInt(ids?.[2] ?? 0)).toBe(true);
  });
});
