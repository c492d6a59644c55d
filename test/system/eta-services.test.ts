// Travel times of OSRM and Valhalla over the wire, and what becomes of searches when the service fails: the server is asked as dispatchers ask
// it, and the service is one of the test's own that speaks their protocols.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';
import { startTravelTimes, type TravelTimeService } from '../support/travel-time-service.ts';

const PICKUP = { lat: 37.77, lon: -122.42 };
const CABS = [1, 2, 3, 4, 5, 6];
/** Of the services that fail: longer than a busy machine takes for an answer of a service that is well. */
const DEADLINE_MS = 1_000;
const SEARCH = { op: 'nearest', ...PICKUP, rank: 'eta' };
/** Beyond the deadline; of a search that nobody gives up there is no answer at all. */
const MARGIN_MS = 5_000;

/** Cab `i` stands 0.002° × i north of the pickup; here the farthest comes first, so that no distance explains the order. */
const farthestFirst = (from: { lat: number }, to: { lat: number }): number => {
  expect(to.lat).toBeCloseTo(PICKUP.lat, 6);
  return 1_000 - 100 * Math.round((from.lat - to.lat) / 0.002);
};

interface Driver {
  readonly id: string;
  readonly eta: number;
  readonly etaSource: string;
}

const driversOf = (answer: Answer): Driver[] => answer['drivers'] as Driver[];
const idsOf = (answer: Answer): string[] => driversOf(answer).map(({ id }) => id);
const sourcesOf = (answer: Answer): string[] => [...new Set(driversOf(answer).map(({ etaSource }) => etaSource))];

async function fill({ url }: BootedServer): Promise<void> {
  const fixes = CABS.map((i) => ({ id: `cab:${i}`, lat: PICKUP.lat + 0.002 * i, lon: PICKUP.lon, ttl: 3600 }));
  await fetch(`${url}/v1/locations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fixes),
  });
}

/** Of all outcomes that have been counted, and of the breaker. */
async function metricsOf({ url }: BootedServer): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counted: Record<string, number> = {};
  for (const [, outcome, count] of text.matchAll(/^raziel_eta_searches_total\{outcome="(\w+)"\} (\d+)$/gm)) {
    if (count !== '0') counted[outcome as string] = Number(count);
  }
  for (const [, name, value] of text.matchAll(/^raziel_(eta_\w+)(?:\{thread.*\})? (\d+)$/gm)) {
    counted[name as string] = (counted[name as string] ?? 0) + Number(value);
  }
  return counted;
}

describe.each(['osrm', 'valhalla'] as const)('travel times of %s', (kind) => {
  let service: TravelTimeService;
  let server: BootedServer;
  let client: RawClient;

  beforeAll(async () => {
    service = await startTravelTimes(kind, farthestFirst);
    // Well above what a busy machine takes; only what never comes is late.
    server = await bootServer('--eta', service.flag, '--eta-deadline-ms', '10000');
    await fill(server);
    client = await RawClient.connect(server);
  });
  afterEach(() => {
    expect(service.faults).toEqual([]);
    service.behaviour = 'well';
    service.rule = farthestFirst;
  });
  afterAll(async () => {
    client.close();
    expect(await server.stop()).toBe(0);
    await service.stop();
  });

  test('rank drivers by the way there, and say whence they are', async () => {
    const answer = await client.ask({ ...SEARCH, ref: 'a', k: 3 });
    expect(answer.ref).toBe('a');
    expect(driversOf(answer)).toMatchObject([
      { id: 'cab:6', eta: 400, etaSource: kind },
      { id: 'cab:5', eta: 500, etaSource: kind },
      { id: 'cab:4', eta: 600, etaSource: kind },
    ]);
    const inJson = await client.ask({ ...SEARCH, ref: 'b', k: 1 }, 'json');
    // Three candidates for the one driver that is answered: the nearest three.
    expect(inJson).toMatchObject({ ref: 'b', drivers: [{ id: 'cab:3', eta: 700, etaSource: kind }] });
    const overHttp = await fetch(`${server.url}/v1/nearest?lat=${PICKUP.lat}&lon=${PICKUP.lon}&rank=eta&k=2`);
    expect(idsOf((await overHttp.json()) as Answer)).toEqual(['cab:6', 'cab:5']);
  });

  test('are asked for once a search, whatever its groups, over a connection that is kept', async () => {
    const { requests, connections } = service;
    for (let i = 0; i < 10; i++) {
      expect(sourcesOf(await client.ask({ ...SEARCH, groups: [[], []] }))).toEqual([kind]);
    }
    expect(service.requests - requests).toBe(10);
    expect(service.connections).toBe(connections);
    // A search by distance asks nobody, and neither does one that finds nobody.
    expect(idsOf(await client.ask({ op: 'nearest', ...PICKUP }))[0]).toBe('cab:1');
    expect(idsOf(await client.ask({ ...SEARCH, lat: -PICKUP.lat }))).toEqual([]);
    expect(service.requests - requests).toBe(10);
  });

  test('come from what was learned for a driver that the service knows no way for, behind the others', async () => {
    service.rule = (from, to) => (Math.abs(from.lat - to.lat - 0.002) < 1e-5 ? null : farthestFirst(from, to));
    const answer = await client.ask(SEARCH);
    expect(idsOf(answer)).toEqual(['cab:6', 'cab:5', 'cab:4', 'cab:3', 'cab:2', 'cab:1']);
    expect(driversOf(answer).map(({ etaSource }) => etaSource)).toEqual([kind, kind, kind, kind, kind, 'learned']);
    expect(driversOf(answer)[5]?.eta).toBeLessThan(400);
    service.rule = () => null;
    const none = await client.ask(SEARCH);
    expect(idsOf(none)[0]).toBe('cab:1');
    expect(sourcesOf(none)).toEqual(['learned']);
    expect(await metricsOf(server)).toMatchObject({ partial: 2, eta_breaker_open: 0 });
  });

  test('keep no other request of the connection waiting', async () => {
    service.behaviour = 'held';
    client.sendPacked({ ...SEARCH, ref: 'waits' });
    await service.untilHeld(1);
    expect(await metricsOf(server)).toMatchObject({ eta_searches_waiting: 1 });
    expect(await client.ask({ op: 'ping', ref: 'ping' })).toMatchObject({ ref: 'ping' });
    expect(await client.ask({ op: 'nearest', ref: 'near', ...PICKUP, k: 1 })).toMatchObject({ ref: 'near' });
    const count = client.answers.length + 1;
    service.release();
    const answer = (await client.until(count)).at(-1) as Answer;
    expect(answer.ref).toBe('waits');
    expect(idsOf(answer)[0]).toBe('cab:6');
  });

  test('are waited for by a bounded number of searches; those past it are answered at once', async () => {
    service.behaviour = 'held';
    const { busy = 0 } = await metricsOf(server);
    const before = client.answers.length;
    for (let i = 0; i < 600; i++) client.sendPacked({ ...SEARCH, ref: i });
    const atOnce = (await client.until(before + 88)).slice(before);
    expect(atOnce.map(({ ref }) => ref)).toEqual(Array.from({ length: 88 }, (_, i) => 512 + i));
    expect(atOnce.every((answer) => sourcesOf(answer).join() === 'learned')).toBe(true);
    expect(await metricsOf(server)).toMatchObject({ busy: busy + 88, eta_searches_waiting: 512 });
    // As many as there are connections.
    await service.untilHeld(64);
    expect(service.held).toBe(64);
    service.behaviour = 'well';
    service.release();
    const later = (await client.until(before + 600)).slice(before + 88);
    expect(new Set(later.map(({ ref }) => ref)).size).toBe(512);
    expect(later.every((answer) => sourcesOf(answer).join() === kind)).toBe(true);
    expect(await metricsOf(server)).toMatchObject({ eta_searches_waiting: 0 });
  });

  test('count as requests in flight', async () => {
    service.behaviour = 'held';
    const small = await bootServer('--eta', service.flag, '--eta-deadline-ms', '10000', '--in-flight-max', '4');
    await fill(small);
    const own = await RawClient.connect(small);
    for (let ref = 0; ref < 6; ref++) own.sendPacked({ ...SEARCH, ref });
    expect(await own.until(2)).toMatchObject([
      { ref: 4, error: { code: 'OVERLOADED' } },
      { ref: 5, error: { code: 'OVERLOADED' } },
    ]);
    await service.untilHeld(4);
    service.release();
    expect(new Set((await own.until(6)).slice(2).map(({ ref }) => ref))).toEqual(new Set([0, 1, 2, 3]));
    own.close();
    expect(await small.stop()).toBe(0);
  });

  test('are not lost when the server is told to stop while they are waited for', async () => {
    service.behaviour = 'held';
    const other = await bootServer('--eta', service.flag, '--eta-deadline-ms', '10000');
    await fill(other);
    const own = await RawClient.connect(other);
    own.sendPacked({ ...SEARCH, ref: 1 });
    await service.untilHeld(1);
    const idle = await RawClient.connect(other);
    await idle.ask({ op: 'ping' });
    const stopped = other.stop();
    // Connections that wait for nothing end first.
    expect(await idle.closed).toBe(1001);
    service.release();
    expect((await own.until(1))[0]).toMatchObject({
      ref: 1,
      drivers: [{ etaSource: kind }, {}, {}, {}, {}, {}],
    });
    expect(await stopped).toBe(0);
  });

  test('do not keep the server from stopping in its time', async () => {
    service.behaviour = 'held';
    const flags = ['--eta-deadline-ms', '10000', '--drain-seconds', '0.2', '--threads', '2'];
    const other = await bootServer('--eta', service.flag, ...flags);
    await fill(other);
    const own = await RawClient.connect(other);
    own.sendPacked({ ...SEARCH, ref: 1 });
    const overHttp = fetch(`${other.url}/v1/nearest?lat=${PICKUP.lat}&lon=${PICKUP.lon}&rank=eta`);
    await service.untilHeld(2);
    expect(await other.stop()).toBe(0);
    expect(await own.closed).toBe(1001);
    // What was learned, or nothing any more.
    await Promise.allSettled([overHttp]);
    expect(other.log()).not.toContain('"level":50');
    service.release();
  });
});

describe.each(['osrm', 'valhalla'] as const)('a failing service of %s', (kind) => {
  let service: TravelTimeService;
  let server: BootedServer;

  beforeAll(async () => {
    service = await startTravelTimes(kind, farthestFirst);
    server = await bootServer('--eta', service.flag, '--eta-deadline-ms', String(DEADLINE_MS));
    await fill(server);
  });
  afterEach(() => {
    expect(service.faults).toEqual([]);
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
    await service.stop();
  });

  /** Searches until the service's times are there again; the breaker tries it once a second. */
  async function untilWell(client: RawClient): Promise<void> {
    service.behaviour = 'well';
    service.release();
    await service.start();
    for (;;) {
      const answer = await client.ask(SEARCH);
      if (sourcesOf(answer).join() === kind) return;
      expect(sourcesOf(answer)).toEqual(['learned']);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Keeps twenty searches in flight for so long, and until so many have been answered; `meanwhile` happens after a hundred. */
  async function load(
    client: RawClient,
    least: { readonly ms: number; readonly searches: number },
    meanwhile: () => void | Promise<void>,
  ): Promise<Answer[]> {
    const endsAt = performance.now() + least.ms;
    const start = client.answers.length;
    const sentAt: number[] = [];
    const send = (): void => {
      client.sendPacked({ ...SEARCH, ref: sentAt.length });
      sentAt.push(performance.now());
    };
    for (let i = 0; i < 20; i++) send();
    for (let got = 1; got <= sentAt.length; got++) {
      const { ref, drivers } = (await client.until(start + got))[start + got - 1] as Answer;
      expect(drivers).toHaveLength(CABS.length);
      expect(performance.now() - (sentAt[ref as number] as number)).toBeLessThan(DEADLINE_MS + MARGIN_MS);
      if (got === 100) await meanwhile();
      if (sentAt.length < least.searches || performance.now() < endsAt) send();
    }
    return client.answers.slice(start);
  }

  test.each([
    ['hangs', 'held', 'late'],
    ['is slow', 'slow', 'late'],
    ['answers garbage', 'garbage', 'invalid'],
    ['answers for too few drivers', 'short', 'invalid'],
    ['answers without end', 'endless', 'invalid'],
    ['answers 500', 'status 500', 'bad_status'],
    ['ends connections in the middle', 'cut', 'unreachable'],
    ['is stopped', undefined, 'unreachable'],
  ] as const)(
    'that %s leaves every search answered in time, and is left alone until it is well',
    async (_, behaviour, outcome) => {
      const client = await RawClient.connect(server);
      await untilWell(client);
      const before = await metricsOf(server);
      const answers = await load(client, { ms: 800, searches: 400 }, () => {
        if (behaviour !== undefined) service.behaviour = behaviour;
        return behaviour === undefined ? service.stop() : undefined;
      });
      expect(new Set(answers.flatMap(sourcesOf))).toEqual(new Set([kind, 'learned']));
      const last = answers.at(-1) as Answer;
      expect(idsOf(last)).toEqual(CABS.map((i) => `cab:${i}`));
      expect(sourcesOf(last)).toEqual(['learned']);

      const after = await metricsOf(server);
      const risen = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
      // On a busy machine some are late beside.
      expect(risen(outcome)).toBeGreaterThan(0);
      expect(risen('late') + (outcome === 'late' ? 0 : risen(outcome))).toBeGreaterThanOrEqual(5);
      expect(risen('eta_breaker_opened_total')).toBeGreaterThanOrEqual(1);
      // Beyond what was in flight when the breaker opened, it is only tried once a second.
      expect(risen('breaker_open')).toBeGreaterThan(0);
      expect(after).toMatchObject({ eta_searches_waiting: 0, eta_breaker_open: 1 });

      await untilWell(client);
      const well = await load(client, { ms: 0, searches: 40 }, () => {});
      expect(well.filter((answer) => sourcesOf(answer).join() === kind).length).toBeGreaterThan(20);
      expect(await metricsOf(server)).toMatchObject({ eta_breaker_open: 0 });
      client.close();
    },
  );

  test('that refuses a single search is asked for the next', async () => {
    const client = await RawClient.connect(server);
    await untilWell(client);
    service.behaviour = 'refusing';
    const before = await metricsOf(server);
    for (let i = 0; i < 12; i++) expect(sourcesOf(await client.ask(SEARCH))).toEqual(['learned']);
    const after = await metricsOf(server);
    expect((after['refused'] ?? 0) - (before['refused'] ?? 0)).toBe(12);
    expect(after['eta_breaker_opened_total']).toBe(before['eta_breaker_opened_total']);
    client.close();
  });

  test('is told of in the log and in traces', async () => {
    const client = await RawClient.connect(server);
    await untilWell(client);
    service.behaviour = 'status 500';
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await client.ask({ ...SEARCH, traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    expect(server.log()).toContain(`travel times of ${kind} at http://localhost:`);
    const trace = await fetch(`${server.url}/v1/traces/${traceId}`);
    const { roots } = (await trace.json()) as { roots: object[] };
    expect(roots).toMatchObject([
      {
        name: 'nearest-driver.search',
        calls: [
          { name: 'zoning.search' },
          { name: 'raziel.multisearch' },
          { name: 'eta.multitraveltime', calls: [{ name: `eta.${kind}`, error: 'ETA_UNAVAILABLE' }] },
        ],
      },
    ]);
    expect((roots[0] as { error?: string }).error).toBeUndefined();
    client.close();
  });
});
