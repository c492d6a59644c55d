// nearest-driver.search over the wire: zones, policy, travel times and fares.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BootedServer, bootServer } from '../support/booted-server.ts';
import { zoneBox } from '../support/zone-box.ts';

interface Driver {
  readonly id: string;
  readonly distance: number;
  readonly eta?: number;
  readonly etaSource?: string;
}

interface Ranked {
  readonly drivers: Driver[];
  readonly version?: number;
  readonly zones?: string[];
  readonly policy?: Record<string, string>;
  readonly fare?: Record<string, unknown>;
  readonly error?: { readonly code: string; readonly message: string; readonly field?: string };
}

interface Times {
  readonly times: { readonly eta: number; readonly etaSource: string }[];
}

/** Of OpenAPI, as far as it matters here. */
interface Described {
  readonly properties: Readonly<Record<string, Described>>;
}

const FARE = { base: 5, perKm: 2, perMinute: 0, currency: 'USD' };

describe.each(['native', 'portable'])('nearest-driver.search over the %s engine', (engine) => {
  let server: BootedServer;

  beforeAll(async () => {
    server = await bootServer('--engine', engine);
    const fixes = [1, 2, 3, 4, 5, 6].map((i) => ({
      id: `cab:${i}`,
      lat: 37.77 + 0.002 * i,
      lon: -122.42,
      tags: i % 2 === 0 ? ['free', 'xl'] : ['free'],
    }));
    await call('/v1/locations', 'POST', fixes);
    const features = [
      zoneBox('city', -123, -122, { k: 3, fare: FARE }),
      zoneBox('depot', -122.7, -122.6, { priority: 1, pickup: false, reason: 'the depot' }),
      zoneBox('wide', -121, -120, { notTags: ['xl'] }),
    ];
    await call('/v1/zones/areas', 'PUT', { type: 'FeatureCollection', features });
  });
  afterAll(async () => {
    await server.stop();
  });

  async function call(path: string, method: 'GET' | 'POST' | 'PUT' = 'GET', body?: object): Promise<Ranked> {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${server.url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await answer.json()) as Ranked;
  }

  test('ranks by travel time, says whence it is, and keeps to the policy of the zone', async () => {
    const answer = await call('/v1/nearest?lat=37.77&lon=-122.42&rank=eta');
    expect(answer.drivers.map(({ id }) => id)).toEqual(['cab:1', 'cab:2', 'cab:3']);
    const etas = answer.drivers.map(({ eta }) => eta as number);
    expect(etas.every((eta, i) => eta > (etas[i - 1] ?? 0))).toBe(true);
    expect(answer.drivers.every(({ etaSource }) => etaSource === 'learned')).toBe(true);
    expect(answer).toMatchObject({
      version: 1,
      zones: ['areas/city'],
      policy: { k: 'areas/city', fare: 'areas/city' },
    });
    expect(answer.fare).toBeUndefined();
  });

  test('leaves policy aside when told so', async () => {
    const answer = await call('/v1/nearest?lat=37.77&lon=-122.42&rank=eta&policy=0');
    expect(answer.drivers).toHaveLength(6);
    expect(answer.version).toBeUndefined();
  });

  test('refuses where nobody is picked up, naming the zone and the reason', async () => {
    const { error } = await call('/v1/nearest?lat=37.5&lon=-122.65&rank=eta');
    expect(error).toMatchObject({ code: 'NO_PICKUP' });
    expect(error?.message).toContain('areas/depot: the depot');
    expect((await call('/v1/nearest?lat=37.5&lon=-122.65')).drivers).toEqual([]);
  });

  test('answers the tariff, and an estimate for a trip', async () => {
    expect((await call('/v1/nearest?lat=37.77&lon=-122.42&fare=1')).fare).toEqual(FARE);
    const { fare } = await call('/v1/nearest?lat=37.77&lon=-122.42&fare=1&toLat=37.8&toLon=-122.42');
    const meters = fare?.['meters'] as number;
    expect(meters).toBeCloseTo(1.35 * 3_335.85, 0);
    expect(fare?.['amount']).toBeCloseTo(5 + (2 * meters) / 1000, 2);
    expect(fare?.['seconds']).toBeGreaterThan(60);
  });

  test('answers the best of each group, a driver once', async () => {
    const nearest = { lat: 37.77, lon: -122.42, rank: 'eta', k: 2, groups: [['free'], ['xl']] };
    const { drivers } = await call('/v1/search', 'POST', { nearest });
    expect(drivers.map(({ id }) => id)).toEqual(['cab:1', 'cab:2', 'cab:4']);
  });

  test('can be called by its name, where it ranks by travel time without being told', async () => {
    const answer = await call('/v1/services/nearest-driver.search', 'POST', { lat: 37.77, lon: -122.42, k: 1 });
    expect(answer.drivers).toMatchObject([{ id: 'cab:1', etaSource: 'learned' }]);
  });

  test('asks and answers nothing that the API’s description does not name', async () => {
    const document = (await call('/openapi.json')) as unknown as { components: { schemas: Record<string, Described> } };
    const { NearestSearch, SearchAnswer, FoundDriver } = document.components.schemas;
    const nearest = {
      lat: 37.77,
      lon: -122.42,
      rank: 'eta',
      fare: true,
      toLat: 37.8,
      toLon: -122.42,
      groups: [['xl']],
    };
    const answer = await call('/v1/search', 'POST', { nearest });
    const known = (schema?: Described): string[] => Object.keys(schema?.properties ?? {});
    expect(known(NearestSearch?.properties['nearest'])).toEqual(expect.arrayContaining(Object.keys(nearest)));
    expect(known(SearchAnswer)).toEqual(expect.arrayContaining(Object.keys(answer)));
    expect(known(FoundDriver)).toEqual(expect.arrayContaining(Object.keys(answer.drivers[0] as Driver)));
    expect(known(SearchAnswer?.properties['fare'])).toEqual(expect.arrayContaining(Object.keys(answer.fare as object)));
  });

  test('gets its travel times of an endpoint that can be called by its name', async () => {
    const { drivers } = await call('/v1/nearest?lat=37.77&lon=-122.42&rank=eta&policy=0');
    const from = [1, 2, 3].map((i) => ({ lat: 37.77 + 0.002 * i, lon: -122.42 }));
    const to = { lat: 37.77, lon: -122.42 };
    const { times } = (await call('/v1/services/eta.multitraveltime', 'POST', { from, to })) as unknown as Times;
    expect(times.map(({ etaSource }) => etaSource)).toEqual(['learned', 'learned', 'learned']);
    times.forEach(({ eta }, i) => expect(eta).toBeCloseTo(drivers[i]?.eta as number, 6));
    const standing = [{ lat: 37.78, lon: -122.42, speed: 0, heading: 360 }];
    const other = (await call('/v1/services/eta.multitraveltime', 'POST', { from: standing, to })) as unknown as Times;
    expect(other.times[0]?.eta).toBeGreaterThan(0);
  });

  test.each([
    ['no places', { from: [], to: { lat: 1, lon: 2 } }, 'BAD_REQUEST', 'from'],
    [
      'too many places',
      { from: Array.from({ length: 1_001 }, () => ({ lat: 1, lon: 2 })), to: { lat: 1, lon: 2 } },
      'BAD_REQUEST',
      'from',
    ],
    ['no pickup', { from: [{ lat: 1, lon: 2 }] }, 'BAD_REQUEST', 'to'],
    ['a bad pickup', { from: [{ lat: 1, lon: 2 }], to: { lat: 91, lon: 2 } }, 'BAD_LAT', 'lat'],
    ['a place that is none', { from: [[1, 2]], to: { lat: 1, lon: 2 } }, 'BAD_REQUEST', 'from'],
    ['a bad place', { from: [{ lat: 1, lon: '2' }], to: { lat: 1, lon: 2 } }, 'BAD_LON', 'lon'],
    ['a bad heading', { from: [{ lat: 1, lon: 2, heading: -1 }], to: { lat: 1, lon: 2 } }, 'BAD_REQUEST', 'heading'],
    ['an unknown field', { from: [{ lat: 1, lon: 2 }], to: { lat: 1, lon: 2 }, by: 'car' }, 'BAD_REQUEST', 'by'],
  ])('refuses travel times of %s', async (_, body, code, field) => {
    const { error } = await call('/v1/services/eta.multitraveltime', 'POST', body);
    expect(error).toMatchObject({ code, field });
  });

  test('refuses what it cannot do, and says what', async () => {
    const multisearch = { searches: [{ nearest: { lat: 37.77, lon: -122.42, rank: 'eta' } }] };
    expect((await call('/v1/multisearch', 'POST', multisearch)).error?.code).toBe('NOT_SUPPORTED');
    expect((await call('/v1/nearest?lat=37&lon=-122&fare=1&toLat=37')).error?.field).toBe('toLon');
    const groups = { nearest: { lat: 37, lon: -122, groups: [] } };
    expect((await call('/v1/search', 'POST', groups)).error).toMatchObject({ code: 'BAD_REQUEST', field: 'groups' });
  });
});
