import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type RazielClient, RazielClientError } from '../../src/client/index.ts';
import { type ServeProcess, serve } from './cli-process.ts';

let server: ServeProcess;
let client: RazielClient;
beforeAll(async () => {
  server = await serve();
  client = await connect(server.url);
});
afterAll(async () => {
  await client.close();
  await server.stop();
});

const errorOf = (promise: Promise<unknown>): Promise<RazielClientError> =>
  promise.then(
    () => {
      throw new Error('it was answered');
    },
    (error: RazielClientError) => error,
  );

describe('the client and a real server', () => {
  it('sends fixes as maps and rows and finds them at once', async () => {
    const time = Date.now();
    const counts = await client.locations([
      {
        id: 'a',
        lat: 37.7751,
        lon: -122.4194,
        time,
        heading: 270,
        speed: 8.3,
        accuracy: 5,
        tags: ['free', 'xl'],
        ttl: 600,
      },
      ['b', 37.776, -122.4194, time, null, null, null, ['busy'], 600],
      ['c', 37.777, -122.4194],
      { id: 'd', lat: 37.7, lon: -122.4, time: undefined, heading: undefined } as never,
      ['e', 91, 0],
    ]);
    expect(counts).toMatchObject({ accepted: 4, stale: 0, duplicate: 0 });
    expect(counts.rejected).toEqual([{ index: 4, code: 'BAD_LAT', message: expect.stringContaining('91') }]);
    expect(await client.driver('a')).toMatchObject({ id: 'a', lat: 37.7751, time, tags: ['free', 'xl'], ttl: 600 });
    const { drivers, tookMicros } = await client.nearest({ lat: 37.7751, lon: -122.4194, k: 2 });
    expect(drivers.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(drivers[0]?.distance).toBe(0);
    expect(tookMicros).toBeGreaterThanOrEqual(0);
  });

  it('counts a batch that is sent again as duplicates, without effect', async () => {
    const batch = [['again', 1, 2, Date.now()]] as const;
    expect(await client.locations(batch)).toMatchObject({ accepted: 1, duplicate: 0 });
    expect(await client.locations(batch)).toMatchObject({ accepted: 0, duplicate: 1 });
  });

  it('sends with ack none and hears only of what was rejected', async () => {
    const told = new Promise((resolve) => client.on('rejected', resolve));
    expect(await client.locations([['f', 10, 10]], { ack: 'none' })).toBeUndefined();
    expect(await client.locations([['g', 10, 200]], { ack: 'none' })).toBeUndefined();
    expect(await told).toMatchObject({ rejected: [{ index: 0, code: 'BAD_LON' }] });
    expect(await client.driver('f')).toMatchObject({ lat: 10 });
  });

  it('asks within a box and a circle, several searches at once, for supply and for the time', async () => {
    const box = await client.within({ bbox: [-122.42, 37.77, -122.41, 37.78], tags: ['busy'] });
    expect(box.drivers.map(({ id }) => id)).toEqual(['b']);
    const circle = await client.within({ circle: { lat: 37.776, lon: -122.4194, radius: 50 } });
    expect(circle.drivers.map(({ id, distance }) => [id, distance])).toEqual([['b', 0]]);
    const { results } = await client.multisearch([
      { nearest: { lat: 37.7751, lon: -122.4194, k: 1 } },
      { within: { bbox: [-122.42, 37.77, -122.41, 37.78] }, limit: 2 },
    ]);
    expect(results.map(({ drivers }) => drivers.length)).toEqual([1, 2]);
    expect(results[1]?.more).toBe(true);
    const { resolution, cells } = await client.supply({ bbox: [-122.42, 37.77, -122.41, 37.78] });
    expect(resolution).toBe(8);
    expect(cells.reduce((sum, { count }) => sum + count, 0)).toBe(3);
    expect(Math.abs((await client.ping()).time - Date.now())).toBeLessThan(10_000);
  });

  it('names the field and the search at fault', async () => {
    expect(await errorOf(client.nearest({ lat: 91, lon: 0 }))).toMatchObject({ code: 'BAD_LAT', field: 'lat' });
    const searches = [{ nearest: { lat: 0, lon: 0 } }, { nearest: { lat: 0, lon: 0, k: 0 } }];
    expect(await errorOf(client.multisearch(searches))).toMatchObject({ code: 'BAD_K', index: 1 });
  });

  it('removes a driver once', async () => {
    await client.locations([['gone', 1, 1]]);
    expect(await client.remove('gone')).toBe(true);
    expect(await client.remove('gone')).toBe(false);
    expect(await client.driver('gone')).toBeUndefined();
  });

  it('answers ten thousand pipelined requests, all of them and in order', async () => {
    await client.locations([['far', -45, 100]]);
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 10_000 }, async (_, i) => {
        await client.nearest({ lat: -45, lon: 100, k: 1 });
        order.push(i);
      }),
    );
    expect(order).toHaveLength(10_000);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });
});
