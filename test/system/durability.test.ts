// What outlives a server: state in a data directory, through stops and kills, and who may open it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type BootedServer, bootServer } from '../support/booted-server.ts';
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
