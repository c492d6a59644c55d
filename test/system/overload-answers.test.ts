// Answers that a client makes large by asking for much: they come whole, in their order, and do not hold up the others.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';

const ENGINES = ['native', 'portable'] as const;

describe.each(ENGINES)('large answers of the %s engine', (engine) => {
  let server: BootedServer;
  let client: RawClient;

  beforeAll(async () => {
    server = await bootServer('--engine', engine, '--log-level', 'warn');
    client = await RawClient.connect(server);
    const batch = Array.from({ length: 9_000 }, (_, i) => [
      `"driver" ${i}`,
      (i % 100) / 100,
      Math.floor(i / 100) / 100,
      null,
      i % 360,
      null,
      null,
      ['free', 'é'],
      3_600,
    ]);
    expect(await client.ask({ op: 'locations', batch })).toMatchObject({ accepted: 9_000 });
    const square = (id: string, size: number): object => ({
      type: 'Feature',
      id,
      properties: { name: 'x'.repeat(200) },
      geometry: {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [size, 0],
            [size, size],
            [0, size],
            [0, 0],
          ],
        ],
      },
    });
    const features = Array.from({ length: 50 }, (_, i) => square(`zone${i}`, 1 + i));
    const body = JSON.stringify({ type: 'FeatureCollection', features });
    expect((await fetch(`${server.url}/v1/zones/squares`, { method: 'PUT', body: Buffer.from(body) })).status).toBe(
      200,
    );
  });

  afterAll(async () => {
    client.close();
    expect(await server.stop()).toBe(0);
  });

  const within = { op: 'within', bbox: [-1, -1, 2, 2], limit: 10_000 };
  type Found = { drivers: { id: string; age: number }[] };
  /** Without what two answers of different moments differ in. */
  const settled = (answer: unknown): unknown =>
    (answer as Found).drivers.map((driver) => Object.assign(driver, { age: 0 }));

  test('are the same in JSON and in MessagePack, over WebSocket and HTTP', async () => {
    const packed = await client.ask(within);
    const json = await client.ask(within, 'json');
    expect((packed as unknown as Found).drivers).toHaveLength(9_000);
    expect(settled(json)).toEqual(settled(packed));
    const body = JSON.stringify({ within: { bbox: within.bbox }, limit: 10_000 });
    const response = await fetch(`${server.url}/v1/search`, { method: 'POST', body: Buffer.from(body) });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(settled(await response.json())).toEqual(settled(packed));
  });

  test('come in the order of the requests, with small ones among them', async () => {
    const from = client.answers.length;
    for (let i = 0; i < 6; i++) client.sendJson(i % 2 === 0 ? { ...within, ref: i } : { op: 'ping', ref: i });
    const answers = (await client.until(from + 6)).slice(from);
    expect(answers.map(({ ref }) => ref)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('of many points are whole, or TOO_LARGE', async () => {
    const ask = async (count: number) => {
      const points = Array.from({ length: count }, () => [0.5, 0.5]);
      const response = await fetch(`${server.url}/v1/zones/at`, {
        method: 'POST',
        body: Buffer.from(JSON.stringify({ points })),
      });
      return (await response.json()) as { version: number; results: { zones: { id: string }[] }[]; error?: object };
    };
    const { version, results } = await ask(300);
    expect([version, results.length]).toEqual([1, 300]);
    expect(results.every(({ zones }) => zones.length === 50 && zones[49]?.id === 'zone49')).toBe(true);
    expect((await ask(10_000)).error).toMatchObject({ code: 'TOO_LARGE' });
  });
});
