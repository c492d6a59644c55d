// What a token is held to beyond its scopes: the ids that it may write, how often it may ask, and that it is taken away or changed while the
// server runs, with one serving thread and with two.

import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type BootedServer, bootServer, type RawClient } from '../support/booted-server.ts';
import { bearer, connectAs, openSocket, TokensFile } from '../support/access.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

async function logged(server: BootedServer, text: string, times = 1): Promise<void> {
  const count = () => server.log().split(text).length - 1;
  while (count() < times) await new Promise((resolve) => server.process.stderr?.once('data', resolve));
}

describe.each(['native', 'portable'])('ids of the %s engine', (engine) => {
  const file = new TokensFile({
    cabs: { scopes: ['ingest', 'search'], idPrefixes: ['cab-', 'taxi:'] },
    boss: { scopes: ['admin'], idPrefixes: ['cab-'] },
    reader: { scopes: ['search'] },
  });
  let server: BootedServer;
  beforeAll(async () => {
    server = await bootServer('--auth', file.file, '--engine', engine);
  });
  afterAll(async () => {
    await server.stop();
    file.remove();
  });

  const post = async (token: string, body: string, type = 'application/json') => {
    const headers = { 'content-type': type, ...bearer(file.token(token)) };
    const answer = await fetch(`${server.url}/v1/locations`, { method: 'POST', headers, body });
    return (await answer.json()) as { accepted?: number; error?: { code: string; index?: number } };
  };
  const isHeld = async (id: string) =>
    (await fetch(`${server.url}/v1/drivers/${id}`, { headers: bearer(file.token('reader')) })).status === 200;

  test('a batch with one foreign id is refused as a whole, naming its index', async () => {
    const batch = [['cab-a', 1, 1], { id: 'bus-a', lat: 1, lon: 1 }, ['taxi:a', 1, 1]];
    expect((await post('cabs', JSON.stringify(batch))).error).toMatchObject({ code: 'FORBIDDEN', index: 1 });
    const client = await connectAs(server.port, file.token('cabs'));
    for (const encoding of ['msgpack', 'json'] as const) {
      const answer = await client.ask({ op: 'locations', batch }, encoding);
      expect(answer.error).toMatchObject({ code: 'FORBIDDEN', index: 1 });
    }
    client.close();
    expect(await isHeld('cab-a')).toBe(false);
  });

  test('ids of its own are written, over HTTP and WebSocket, and what is no id is rejected as ever', async () => {
    const batch = [
      ['cab-b', 1, 1],
      ['taxi:b', 1, 1],
      [7, 1, 1],
    ];
    expect(await post('cabs', JSON.stringify(batch))).toMatchObject({
      accepted: 2,
      rejected: [{ index: 2, code: 'BAD_ID' }],
    });
    expect(await post('cabs', '["cab-c",1,1]\n["taxi:c",1,1]\n', 'application/x-ndjson')).toMatchObject({
      accepted: 2,
    });
    const client = await connectAs(server.port, file.token('cabs'));
    expect(await client.ask({ op: 'locations', batch: [{ id: 'cab-d', lat: 1, lon: 1 }] })).toMatchObject({
      accepted: 1,
    });
    client.close();
  });

  test('of an id that is given twice the one that counts is looked at', async () => {
    expect((await post('cabs', '{"id":"cab-x","id":"bus-x","lat":1,"lon":1}')).error?.code).toBe('FORBIDDEN');
    const client = await connectAs(server.port, file.token('cabs'));
    const text = (value: string) => [0xa0 | value.length, ...Buffer.from(value)];
    const twice = (first: string, second: string) =>
      Buffer.from([
        0x82,
        ...text('op'),
        ...text('locations'),
        ...text('batch'),
        0x91,
        0x84,
        ...text('id'),
        ...text(first),
        ...text('lat'),
        1,
        ...text('lon'),
        1,
        ...text('id'),
        ...text(second),
      ]);
    client.socket.send(twice('cab-x', 'bus-x'));
    client.socket.send(twice('bus-x', 'cab-x'));
    const [first, second] = await client.until(2);
    expect(first?.error?.code).toBe('FORBIDDEN');
    expect(second).toMatchObject({ accepted: 1 });
    client.close();
    expect(await isHeld('bus-x')).toBe(false);
    expect(await isHeld('cab-x')).toBe(true);
  });

  test('only drivers of its own can be removed, whatever the scope', async () => {
    for (const token of ['cabs', 'boss']) {
      const headers = bearer(file.token(token));
      expect((await fetch(`${server.url}/v1/drivers/bus-1`, { method: 'DELETE', headers })).status).toBe(403);
      const client = await connectAs(server.port, file.token(token));
      expect((await client.ask({ op: 'remove', id: 'bus-1' })).error).toMatchObject({ code: 'FORBIDDEN', field: 'id' });
      expect(await client.ask({ op: 'remove', id: 'cab-nobody' })).toMatchObject({ removed: false });
      client.close();
    }
  });

  test('services that write are not called by name, those that read are', async () => {
    const client = await connectAs(server.port, file.token('cabs'));
    const call = (service: string, body: object) => client.ask({ op: 'call', service, body });
    expect((await call('raziel.locations', { batch: [['bus-9', 1, 1]] })).error?.code).toBe('FORBIDDEN');
    expect((await call('raziel.remove', { id: 'bus-9' })).error?.code).toBe('FORBIDDEN');
    expect(await call('raziel.search', { nearest: { lat: 1, lon: 1 } })).toHaveProperty('drivers');
    client.close();
    expect(await isHeld('bus-9')).toBe(false);
  });

  test('searches show every driver, whatever the prefixes', async () => {
    const answer = await fetch(`${server.url}/v1/nearest?lat=1&lon=1`, { headers: bearer(file.token('cabs')) });
    expect(answer.status).toBe(200);
  });
});

/** Asks so seldom that nothing comes back while the tests run. */
const SELDOM = 0.001;

describe.each(['1', '2'])('a server with %s serving thread(s)', (threads) => {
  const file = new TokensFile({
    slow: { scopes: ['search', 'ingest'], perSecond: SELDOM },
    feed: { scopes: ['ingest', 'search'], perSecond: SELDOM },
    once: { scopes: ['search'], perSecond: SELDOM },
    gone: { scopes: ['search'] },
    stays: { scopes: ['search'] },
    changes: { scopes: ['ingest', 'search'] },
    planner: { scopes: ['zones'] },
    boss: { scopes: ['admin'] },
    sender: { scopes: ['ingest'] },
  });
  const opened: RawClient[] = [];
  let server: BootedServer;
  beforeAll(async () => {
    server = await bootServer('--auth', file.file, '--threads', threads);
  });
  afterEach(() => {
    for (const client of opened.splice(0)) client.close();
    file.write();
  });
  afterAll(async () => {
    await server.stop();
    file.remove();
  });
  const open = async (name: string) => {
    const client = await connectAs(server.port, file.token(name));
    opened.push(client);
    return client;
  };
  /** Several, so that every thread has one. */
  const openSome = (name: string) => Promise.all(Array.from({ length: 6 }, () => open(name)));
  const nearest = (client: RawClient) => client.ask({ op: 'nearest', lat: 0, lon: 0 });
  const hangUp = async () => {
    const before = server.log().split('tokensReload').length - 1;
    server.process.kill('SIGHUP');
    await logged(server, 'tokensReload', before + 1);
  };

  test('a token asks as often as it may, on all connections together, and is told when to come again', async () => {
    const answers = await Promise.all((await openSome('slow')).map(nearest));
    expect(answers.filter(({ error }) => error === undefined)).toHaveLength(1);
    for (const { error } of answers) if (error !== undefined) expect(error.code).toBe('RATE_LIMITED');
    const headers = { ...JSON_TYPE, ...bearer(file.token('slow')) };
    const refused = await fetch(`${server.url}/v1/nearest?lat=0&lon=0`, { headers });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(900);
    const body = await fetch(`${server.url}/v1/locations`, { method: 'POST', headers, body: '[["a",0,0]]' });
    expect(body.status).toBe(429);
    const metrics = await fetch(`${server.url}/metrics`, { headers: bearer(file.token('stays')) });
    expect(await metrics.text()).toContain('raziel_errors_total{code="RATE_LIMITED"} 7');
  });

  test('each fix of a batch counts', async () => {
    const headers = { ...JSON_TYPE, ...bearer(file.token('feed')) };
    const post = (path: string, body: unknown) =>
      fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    const fixes = Array.from({ length: 50 }, (_, i) => [`cab-${i}`, 0, 0]);
    // More than fits, but nothing is owed yet; now it is: 50 times 1,000 s.
    expect((await post('/v1/locations', fixes)).status).toBe(200);
    const refused = await post('/v1/multisearch', { searches: [{ nearest: { lat: 0, lon: 0 } }] });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(40_000);
  });

  test('a token that is taken away is closed with 1008 at once, and the others notice nothing', async () => {
    const [gone, stays] = [await openSome('gone'), await openSome('stays')];
    for (const client of [...gone, ...stays]) expect(await nearest(client)).toHaveProperty('drivers');
    file.set('gone', undefined);
    await hangUp();
    for (const client of gone) expect(await client.closed).toBe(1008);
    for (const client of stays) expect(await nearest(client)).toHaveProperty('drivers');
    expect(await openSocket(server.port, bearer(file.token('gone')))).toBe(401);
    const { status } = await fetch(`${server.url}/v1/zones`, { headers: bearer(file.token('gone')) });
    expect(status).toBe(401);
    file.set('gone', { scopes: ['search'] });
  });

  test('a token whose scopes change has the new ones on connections that are open', async () => {
    const clients = await openSome('changes');
    file.set('changes', { scopes: ['search'] });
    await hangUp();
    for (const client of clients) {
      expect((await client.ask({ op: 'locations', batch: [['a', 0, 0]] })).error?.code).toBe('FORBIDDEN');
      expect(await nearest(client)).toHaveProperty('drivers');
    }
    file.set('changes', { scopes: ['ingest'] });
    await hangUp();
    for (const client of clients) {
      expect(await client.ask({ op: 'locations', batch: [['a', 0, 0]] })).toHaveProperty('accepted');
      expect((await nearest(client)).error?.code).toBe('FORBIDDEN');
    }
  });

  test('a bad file leaves the tokens as they were, and the log says so', async () => {
    const client = await open('stays');
    for (const text of ['{"tokens":', '{"tokens":[{"name":"x","sha256":"y","scopes":[]}]}']) {
      writeFileSync(file.file, text);
      await hangUp();
    }
    expect(server.log()).toContain('THE TOKENS WERE NOT RELOADED');
    expect(await nearest(client)).toHaveProperty('drivers');
    const another = await openSocket(server.port, bearer(file.token('stays')));
    expect(another).not.toBe(401);
    (another as RawClient).close();
  });

  test('connections that ask all the while notice nothing of reloads', async () => {
    const clients = await openSome('stays');
    const over = new AbortController();
    const asked = clients.map(async (client) => {
      let count = 0;
      for (; !over.signal.aborted; count++) expect(await nearest(client)).toHaveProperty('drivers');
      return count;
    });
    for (let i = 0; i < 5; i++) await hangUp();
    over.abort();
    for (const count of await Promise.all(asked)) expect(count).toBeGreaterThan(0);
  });

  test('a reload is no way to start over with a rate', async () => {
    const client = await open('once');
    expect(await nearest(client)).toHaveProperty('drivers');
    await hangUp();
    expect((await nearest(client)).error?.code).toBe('RATE_LIMITED');
  });

  test('what operators change is written down: who, what, how it ended and from where', async () => {
    const before = server.log().length;
    const ask = (name: string, method: string, path: string, body?: string) =>
      fetch(server.url + path, {
        method,
        headers: { 'content-type': 'application/geo+json', ...bearer(file.token(name)) },
        ...(body === undefined ? {} : { body }),
      });
    await ask('planner', 'PUT', '/v1/zones/town', '{}');
    await ask('planner', 'PUT', '/v1/zones/town?dryRun=1', '{"a":1}');
    await ask('boss', 'DELETE', '/v1/zones/town');
    await ask('sender', 'DELETE', '/v1/drivers/d1');
    await ask('boss', 'DELETE', '/v1/drivers/d2');
    const client = await open('boss');
    await client.ask({ op: 'remove', id: 'd3' });
    await client.ask({ op: 'remove', id: '' });
    await hangUp();
    const lines = server.log().slice(before).trim().split('\n');
    const audit = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line['audit'] === true)
      .map((line) => ['level', 'token', 'operation', 'target', 'outcome', 'remoteAddress'].map((name) => line[name]));
    expect(audit.sort()).toEqual(
      [
        [30, 'planner', 'zonesPut', 'town', 'BAD_ZONES', '127.0.0.1'],
        [30, 'boss', 'zonesDelete', 'town', 'UNKNOWN_LAYER', '127.0.0.1'],
        [30, 'boss', 'remove', 'd2', 'UNKNOWN_DRIVER', '127.0.0.1'],
        [30, 'boss', 'remove', 'd3', 'ok', '127.0.0.1'],
        [30, null, 'tokensReload', file.file, 'ok', ''],
      ].sort(),
    );
  });
});
