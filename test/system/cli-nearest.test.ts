// raziel nearest by travel time, with fares and policies, and the same through the typed client.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type NearestAnswer, type RazielClient } from '../../src/client/index.ts';
import { run, type ServeProcess, serve } from './cli-process.ts';
import { zoneBox } from '../support/zone-box.ts';

const AT = ['37.77', '-122.42'] as const;
const PICKUP = { lat: 37.77, lon: -122.42 };
const FARE = { base: 5, perKm: 2, perMinute: 0, currency: 'USD' };

let server: ServeProcess;
let client: RazielClient;

beforeAll(async () => {
  server = await serve();
  client = await connect(server.url);
  await client.locations(
    [1, 2, 3, 4, 5, 6].map((i) => ({
      id: `cab:${i}`,
      lat: PICKUP.lat + 0.01 * i,
      lon: PICKUP.lon,
      tags: i % 2 === 0 ? ['free', 'xl'] : ['free'],
      ttl: 3600,
    })),
  );
  const features = [
    // Wider than a search that names no radius.
    zoneBox('city', -123, -122, { k: 5, radius: 20_000, fare: FARE }),
    zoneBox('depot', -122.7, -122.6, { priority: 1, pickup: false, reason: 'the depot' }),
  ];
  const put = await fetch(`${server.url}/v1/zones/areas`, {
    method: 'PUT',
    headers: { 'content-type': 'application/geo+json' },
    body: JSON.stringify({ type: 'FeatureCollection', features }),
  });
  expect(put.status).toBe(200);
});

afterAll(async () => {
  await client.close();
  await server.stop();
});

const nearest = (...args: string[]) => run(['nearest', ...AT, '--url', server.url, ...args]);
const linesOf = (text: string): string[] => text.trimEnd().split('\n');
const objectsOf = (text: string) => linesOf(text).map((line) => JSON.parse(line) as Record<string, unknown>);

describe('raziel nearest', () => {
  test('--rank eta shows how long each needs and who said so, within the policy of the zones', async () => {
    const { code, stdout, stderr } = await nearest('--rank', 'eta');
    expect(code).toBe(0);
    const [header, first, ...others] = linesOf(stdout);
    expect(header).toMatch(/^id +eta  by +distance +lat +lon +age +heading +speed +tags$/);
    expect(first).toMatch(/^cab:1 +\d+ (?:s|min)  learned +1\.11 km +37\.780000 /);
    // The zone's k and radius, which the search named none of.
    expect(others).toHaveLength(4);
    expect(stderr).toContain('in areas/city (version 1); radius by areas/city; k by areas/city; fare by areas/city');
    expect(stderr).toMatch(/5 drivers in \d+ µs/);
  });

  test('without it asks no zone, as ever', async () => {
    const { stdout, stderr } = await nearest();
    expect(stdout).not.toContain('learned');
    expect(stderr).toMatch(/^4 drivers within 5\.00 km in \d+ µs on the server\n$/);
  });

  test('--no-policy leaves the zones aside', async () => {
    const { stdout, stderr } = await nearest('--rank', 'eta', '--no-policy', '--radius', '10000');
    expect(linesOf(stdout)).toHaveLength(7);
    expect(stderr).toMatch(/^6 drivers within 10\.00 km in /);
  });

  test('--policy holds to them also by distance', async () => {
    const { stdout, stderr } = await nearest('--policy', '--k', '9');
    expect(linesOf(stdout)[0]).toMatch(/^id +distance /);
    expect(linesOf(stdout)).toHaveLength(6);
    expect(stderr).toContain('k by areas/city');
  });

  test('--fare shows the tariff, and with --to what a trip may cost', async () => {
    const tariff = await nearest('--fare', '--k', '1');
    expect(linesOf(tariff.stdout).at(-1)).toBe('fare  5 + 2 a km + 0 a minute, in USD');
    const { stdout } = await nearest('--fare', '--to', '37.8,-122.42', '--k', '1');
    expect(linesOf(stdout).at(-1)).toMatch(/^fare {2}14\.01 USD for 4\.50 km in \d+ min; 5 \+ 2 a km \+ 0 a minute$/);
    const nowhere = await run(['nearest', '0', '0', '--url', server.url, '--fare']);
    expect(nowhere).toMatchObject({ code: 0, stdout: '' });
    expect(nowhere.stderr).toContain('no zone here has a fare\nin no zone (version 1)\nno drivers within 5.00 km');
  });

  test('--group may be repeated, for the best of each', async () => {
    const { stdout } = await nearest('--group', 'free', '--group', 'free,xl', '--k', '1', '--json');
    expect(objectsOf(stdout).map(({ id }) => id)).toEqual(['cab:1', 'cab:2', undefined]);
  });

  test('--json has the travel times with the drivers, and the rest in an object behind them', async () => {
    const { stdout } = await nearest('--rank', 'eta', '--fare', '--k', '1', '--json');
    expect(objectsOf(stdout)).toEqual([
      expect.objectContaining({ id: 'cab:1', eta: expect.any(Number), etaSource: 'learned' }),
      {
        version: 1,
        zones: ['areas/city'],
        policy: { radius: 'areas/city', k: 'areas/city', fare: 'areas/city' },
        fare: FARE,
      },
    ]);
  });

  test('says why nobody is picked up there', async () => {
    const { code, stderr } = await run(['nearest', '37.5', '-122.65', '--rank', 'eta', '--url', server.url]);
    expect(code).toBe(1);
    expect(stderr).toContain('nobody is picked up in areas/depot: the depot');
  });

  test.each([
    [['--rank', 'speed'], "'speed' is invalid"],
    [['--to', '37.8'], 'LAT,LON'],
    [['--to', '37.8,-122.4,3'], 'LAT,LON'],
    [['--to', '97.8,-122.4'], 'within -90..90'],
    [Array.from({ length: 9 }, () => ['--group', 'free']).flat(), '8 at most'],
  ])('refuses %j, naming the fault', async (args, text) => {
    const { code, stderr } = await nearest(...args);
    expect([code, stderr.includes(text)]).toEqual([2, true]);
  });
});

test('raziel call eta.multitraveltime answers travel times', async () => {
  const input = { from: [{ ...PICKUP, lat: 37.78 }], to: PICKUP };
  const { code, stdout } = await run([
    'call',
    'eta.multitraveltime',
    JSON.stringify(input),
    '--json',
    '--url',
    server.url,
  ]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ times: [{ eta: expect.any(Number), etaSource: 'learned' }] });
});

test('the client asks for travel times, fares, policies and groups', async () => {
  const answer: NearestAnswer = await client.nearest({
    ...PICKUP,
    rank: 'eta',
    fare: true,
    toLat: 37.8,
    toLon: -122.42,
    k: 1,
    groups: [['free'], ['xl']],
  });
  expect(answer.drivers.map(({ id, etaSource }) => [id, etaSource])).toEqual([
    ['cab:1', 'learned'],
    ['cab:2', 'learned'],
  ]);
  expect(answer.drivers[0]?.eta).toBeLessThan(answer.drivers[1]?.eta as number);
  expect(answer).toMatchObject({ version: 1, zones: ['areas/city'], policy: { k: 'areas/city' } });
  expect(answer.fare).toMatchObject({ ...FARE, amount: 14.01, seconds: expect.any(Number) });
  expect(answer.fare?.meters).toBeCloseTo(1.35 * 3_335.85, 0);
  const plain = await client.nearest({ ...PICKUP, rank: 'eta', policy: false, k: 6, radius: 10_000 });
  expect(plain.drivers).toHaveLength(6);
  expect(plain).not.toHaveProperty('zones');
});
