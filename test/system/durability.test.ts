// What outlives a server: state in a data directory, through stops and kills, and who may open it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';
import { dataDirectory } from '../support/data-directory.ts';

async function boot(data: string, ...flags: string[]): Promise<BootedServer> {
  const server = await bootServer('--data', data, ...flags);
  onTestFinished(async () => {
    server.process.kill('SIGKILL');
    await server.exited;
  });
  return server;
}

async function kill(server: BootedServer): Promise<void> {
  server.process.kill('SIGKILL');
  await server.exited;
}

const square = (id: string, lon: number, lat: number): object => ({
  type: 'Feature',
  id,
  properties: { name: `zone ${id}`, priority: 2 },
  geometry: {
    type: 'Polygon',
    coordinates: [
      [
        [lon, lat],
        [lon + 1, lat],
        [lon + 1, lat + 1],
        [lon, lat + 1],
        [lon, lat],
      ],
    ],
  },
});

const layerOf = (...features: object[]): string => JSON.stringify({ type: 'FeatureCollection', features });

async function json(server: BootedServer, path: string, init?: RequestInit): Promise<unknown> {
  return (await fetch(server.url + path, init)).json();
}

const putLayer = (server: BootedServer, name: string, body: string): Promise<unknown> =>
  json(server, `/v1/zones/${name}`, {
    method: 'PUT',
    body,
    headers: { 'content-type': 'application/geo+json' },
  });

describe.each([['native'], ['portable']])('zones, with the %s engine', (engine) => {
  test('are there again after a kill, as they were acknowledged, with their versions', async () => {
    const data = dataDirectory();
    const first = await boot(data, '--engine', engine);
    await putLayer(first, 'city', layerOf(square('a', 0, 0), square('b', 5, 5)));
    await putLayer(first, 'gone', layerOf(square('c', 7, 7)));
    await putLayer(first, 'city', layerOf(square('a', 0, 0), square('d', 8, 8)));
    await json(first, '/v1/zones/gone', { method: 'DELETE' });
    const before = [await json(first, '/v1/zones'), await json(first, '/v1/zones/city')];
    const at = await json(first, '/v1/zones/at?lat=0.5&lon=0.5');
    await kill(first);

    const second = await boot(data, '--engine', engine);
    expect([await json(second, '/v1/zones'), await json(second, '/v1/zones/city')]).toEqual(before);
    expect(await json(second, '/v1/zones/at?lat=0.5&lon=0.5')).toEqual(at);
    expect(at).toMatchObject({ version: 4, zones: [{ layer: 'city', id: 'a', properties: { name: 'zone a' } }] });
    expect(await putLayer(second, 'city', layerOf(square('a', 0, 0)))).toMatchObject({ version: 5 });
  });
});

describe.each([
  ['native', 'native'],
  ['portable', 'portable'],
  ['portable', 'native'],
  ['native', 'portable'],
])('a data directory that a server with the %s engine has', (one, other) => {
  test(`is refused to another one with the ${other} engine until the first is gone, however it went`, async () => {
    const data = dataDirectory();
    const first = await boot(data, '--engine', one);
    await expect(bootServer('--data', data, '--engine', other)).rejects.toThrow(
      new RegExp(`another server \\(process ${first.process.pid}\\) has the data directory`),
    );
    expect(await json(first, '/readyz')).toMatchObject({ status: 'ready' });
    await kill(first);
    const second = await boot(data, '--engine', other);
    expect(await second.stop()).toBe(0);
    await boot(data, '--engine', one);
  });
});

const fixes = (count: number, more: object = {}): object[] =>
  Array.from({ length: count }, (_, i) => ({ id: `driver:${i}`, lat: i / 1000, lon: -i / 1000, ttl: 3600, ...more }));

describe.each([
  ['native', 1],
  ['native', 2],
  ['portable', 1],
])('drivers, with the %s engine and %i threads', (engine, threads) => {
  const flags = ['--engine', engine, '--threads', String(threads)];

  test('are there again after a kill, exactly as they were acknowledged as durable', { timeout: 120_000 }, async () => {
    const data = dataDirectory();
    const first = await boot(data, ...flags);
    const client = await RawClient.connect(first);
    const whole = { heading: 359.9, speed: 0.1, accuracy: 3, tags: ['xl', 'free', 'é'] };
    const counts = { accepted: 300, stale: 0, duplicate: 0, rejected: [] };
    expect(await client.ask({ op: 'locations', ref: 1, ack: 'durable', batch: fixes(300, whole) })).toEqual({
      ref: 1,
      ...counts,
    });
    await client.ask({ op: 'remove', id: 'driver:7' });
    await client.ask({ op: 'locations', batch: [{ id: 'brief', lat: 1, lon: 1, ttl: 0.01 }] });
    const posted = await fetch(`${first.url}/v1/locations?ack=durable`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ id: 'posted', lat: 5, lon: 5, ttl: 3600 }]),
    });
    expect(await posted.json()).toMatchObject({ accepted: 1 });
    // An empty batch waits for all that came before, the removal too.
    await client.ask({ op: 'locations', ack: 'durable', batch: [] });
    const ids = [...fixes(300).map((fix) => (fix as { id: string }).id), 'posted'];
    const heldOf = async (server: BootedServer): Promise<unknown[]> => {
      const asker = await RawClient.connect(server);
      const held: unknown[] = [];
      for (const id of ids) held.push({ ...(await asker.ask({ op: 'driver', id })), age: 0 });
      return held;
    };
    const before = await heldOf(first);
    await kill(first);

    const second = await boot(data, ...flags);
    expect(await heldOf(second)).toEqual(before);
    expect(before[3]).toMatchObject({ id: 'driver:3', ...whole, tags: ['free', 'xl', 'é'], lat: 0.003, ttl: 3600 });
    expect(before[7]).toMatchObject({ error: { code: 'UNKNOWN_DRIVER' } });
    expect(before.at(-1)).toMatchObject({ id: 'posted' });
    expect(second.log()).toMatch(/300 drivers loaded in/);
    // They go on as any others do.
    const asker = await RawClient.connect(second);
    const { drivers } = (await asker.ask({ op: 'nearest', lat: 0, lon: 0, k: 2 })) as { drivers?: { id: string }[] };
    expect(drivers?.map(({ id }) => id)).toEqual(['driver:0', 'driver:1']);
    expect(await asker.ask({ op: 'locations', batch: [{ id: 'driver:3', lat: 9, lon: 9, time: 1 }] })).toMatchObject({
      stale: 1,
    });
    expect(await second.stop()).toBe(0);
  });
});

test('requests behind a durable one are answered before it, and it is answered none the less', async () => {
  const server = await boot(dataDirectory());
  const client = await RawClient.connect(server);
  client.sendPacked({ op: 'locations', ref: 'durable', ack: 'durable', batch: fixes(10) });
  client.sendPacked({ op: 'ping', ref: 'ping' });
  const answers = await client.until(2);
  expect(answers.map(({ ref }) => ref)).toEqual(['ping', 'durable']);
});

test('a server in memory refuses durable acknowledgements, and applies nothing', async () => {
  const server = await boot(dataDirectory(), '--memory');
  const client = await RawClient.connect(server);
  const refused = { error: { code: 'NOT_SUPPORTED', field: 'ack' } };
  expect(await client.ask({ op: 'locations', ack: 'durable', batch: fixes(1) })).toMatchObject(refused);
  expect(await client.ask({ op: 'driver', id: 'driver:0' })).toMatchObject({ error: { code: 'UNKNOWN_DRIVER' } });
  const posted = await fetch(`${server.url}/v1/locations?ack=durable`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '[]',
  });
  expect([posted.status, await posted.json()]).toMatchObject([501, refused]);
});

test('a server in memory makes no data directory', async () => {
  const data = dataDirectory();
  const server = await boot(data, '--memory');
  await putLayer(server, 'city', layerOf(square('a', 0, 0)));
  await server.stop();
  expect(existsSync(data)).toBe(false);
});

test('a server keeps what it has in one file', async () => {
  const data = dataDirectory();
  await (await boot(data)).stop();
  expect(existsSync(join(data, 'raziel.mdb'))).toBe(true);
});
