// Tokens over the wire: who may do what, over HTTP and WebSocket, in both encodings, by the short way of hot frames and the long one.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SCOPES } from '../../src/access/scopes.ts';
import { OPERATIONS } from '../../src/protocol/operations.ts';
import { type BootedServer, bootServer, type RawClient } from '../support/booted-server.ts';
import { bearer, connectAs, openSocket, TokensFile } from '../support/access.ts';

const ENGINES = ['native', 'portable'] as const;
const NAMES = [...SCOPES, 'none'] as const;
const JSON_TYPE = { 'content-type': 'application/json' };

const SQUARE = JSON.stringify({
  type: 'FeatureCollection',
  features: [
    {
      type: 'Feature',
      id: 'square',
      properties: {},
      geometry: {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [1, 0],
            [1, 1],
            [0, 1],
            [0, 0],
          ],
        ],
      },
    },
  ],
});

/** A request that each operation of HTTP would take. */
const HTTP: Readonly<Record<string, { path: string; method?: string; body?: string }>> = {
  locations: { path: '/v1/locations', method: 'POST', body: '[["cab-1",0.5,0.5]]' },
  nearest: { path: '/v1/nearest?lat=0&lon=0' },
  search: { path: '/v1/search', method: 'POST', body: '{"nearest":{"lat":0,"lon":0}}' },
  multisearch: { path: '/v1/multisearch', method: 'POST', body: '{"searches":[{"nearest":{"lat":0,"lon":0}}]}' },
  driver: { path: '/v1/drivers/cab-1' },
  remove: { path: '/v1/drivers/cab-9', method: 'DELETE' },
  supply: { path: '/v1/supply' },
  ids: { path: '/v1/ids' },
  call: { path: '/v1/services/raziel.ping', method: 'POST', body: '{}' },
  zonesAt: { path: '/v1/zones/at?lat=0.5&lon=0.5' },
  zonesAtPoints: { path: '/v1/zones/at', method: 'POST', body: '{"points":[[0,0]]}' },
  zonesList: { path: '/v1/zones' },
  zonesPut: { path: '/v1/zones/squares', method: 'PUT', body: SQUARE },
  zonesGet: { path: '/v1/zones/squares' },
  zonesDelete: { path: '/v1/zones/circles', method: 'DELETE' },
  services: { path: '/v1/services' },
  traces: { path: '/v1/traces' },
  trace: { path: `/v1/traces/${'0'.repeat(31)}1` },
  backup: { path: '/v1/backup' },
  healthz: { path: '/healthz' },
  readyz: { path: '/readyz' },
  metrics: { path: '/metrics' },
  openapi: { path: '/openapi.json' },
};

/** A request that each op of the WebSocket would take. */
const WEBSOCKET: Readonly<Record<string, object>> = {
  locations: { batch: [['cab-1', 0.5, 0.5]] },
  nearest: { lat: 0, lon: 0 },
  within: { bbox: [0, 0, 1, 1] },
  multisearch: { searches: [{ nearest: { lat: 0, lon: 0 } }] },
  driver: { id: 'cab-1' },
  remove: { id: 'cab-9' },
  supply: {},
  ids: {},
  call: { service: 'raziel.ping' },
  zonesAt: { lat: 0.5, lon: 0.5 },
  ping: {},
};

function mayHave(name: string, need: string): boolean {
  return need === 'open' || need === 'token' || name === need || name === 'admin';
}

describe.each(ENGINES)('a server with tokens and the %s engine', (engine) => {
  const file = new TokensFile(
    Object.fromEntries(NAMES.map((name) => [name, { scopes: name === 'none' ? [] : [name] }])),
  );
  let server: BootedServer;
  beforeAll(async () => {
    server = await bootServer('--auth', file.file, '--engine', engine);
  });
  afterAll(async () => {
    await server.stop();
    file.remove();
  });

  const ask = (name: string, headers: Record<string, string>) => {
    const { path, method = 'GET', body } = HTTP[name] as { path: string; method?: string; body?: string };
    return fetch(server.url + path, {
      method,
      headers: { ...(body === undefined ? {} : JSON_TYPE), ...headers },
      ...(body === undefined ? {} : { body }),
    });
  };

  test.each(OPERATIONS.filter(({ http }) => http !== undefined).map(({ name, access }) => ({ name, access })))(
    'lets $name over HTTP in for $access alone',
    async ({ name, access }) => {
      expect(HTTP, `a request for ${name} in this test`).toHaveProperty(name);
      const without = await ask(name, {});
      expect(without.status === 401).toBe(access !== 'open');
      if (access !== 'open') {
        expect(without.headers.get('www-authenticate')).toBe('Bearer realm="raziel"');
        expect(await without.json()).toMatchObject({ error: { code: 'UNAUTHENTICATED' } });
      }
      for (const scope of NAMES) {
        const answer = await ask(name, bearer(file.token(scope)));
        await answer.text();
        // 501: this server keeps nothing that could be backed up.
        if (mayHave(scope, access)) expect([200, 204, 404, 501], `${scope} asks ${name}`).toContain(answer.status);
        else expect(answer.status, `${scope} asks ${name}`).toBe(403);
      }
    },
  );

  describe.each(['msgpack', 'json'] as const)('over WebSocket in %s', (encoding) => {
    const clients = new Map<string, RawClient>();
    beforeAll(async () => {
      for (const name of NAMES) clients.set(name, await connectAs(server.port, file.token(name)));
    });
    afterAll(() => {
      for (const client of clients.values()) client.close();
    });

    test.each(OPERATIONS.filter(({ webSocket }) => webSocket).map(({ name, access }) => ({ name, access })))(
      'lets $name in for $access alone',
      async ({ name, access }) => {
        expect(WEBSOCKET, `a request for ${name} in this test`).toHaveProperty(name);
        for (const scope of NAMES) {
          const answer = await clients.get(scope)?.ask({ op: name, ref: 7, ...WEBSOCKET[name] }, encoding);
          expect(answer?.ref).toBe(7);
          const code = answer?.error?.code;
          if (mayHave(scope, access)) expect([undefined, 'UNKNOWN_DRIVER'], `${scope} asks ${name}`).toContain(code);
          else expect(code, `${scope} asks ${name}`).toBe('FORBIDDEN');
        }
      },
    );
  });

  test('a service that is called by its name needs what the operation needs', async () => {
    const needs = [
      ['raziel.locations', 'ingest', { batch: [['cab-1', 0.5, 0.5]] }],
      ['raziel.search', 'search', { nearest: { lat: 0, lon: 0 } }],
      ['raziel.remove', 'ingest', { id: 'cab-9' }],
      ['zoning.search', 'search', { lat: 0, lon: 0 }],
      ['tracing.services', 'search', {}],
      ['raziel.ping', 'token', {}],
    ] as const;
    for (const scope of NAMES) {
      const headers = { ...JSON_TYPE, ...bearer(file.token(scope)) };
      const client = await connectAs(server.port, file.token(scope));
      for (const [service, need, body] of needs) {
        const path = `${server.url}/v1/services/${service}`;
        const { status } = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
        const { error } = await client.ask({ op: 'call', service, body });
        const what = `${scope} calls ${service}`;
        expect([status, error?.code], what).toEqual(mayHave(scope, need) ? [200, undefined] : [403, 'FORBIDDEN']);
      }
      client.close();
    }
    const headers = { ...JSON_TYPE, ...bearer(file.token('search')) };
    const unknown = await fetch(`${server.url}/v1/services/no.such`, { method: 'POST', headers, body: '{}' });
    expect(unknown.status).toBe(403);
  });

  test('a refused batch has no effect, and neither has a refused removal', async () => {
    const [ingest, search] = [bearer(file.token('ingest')), bearer(file.token('search'))];
    const put = (headers: Record<string, string>, lat: number) =>
      fetch(`${server.url}/v1/locations`, {
        method: 'POST',
        headers: { ...JSON_TYPE, ...headers },
        body: `[["still",${lat},0]]`,
      });
    const held = async () =>
      (await (await fetch(`${server.url}/v1/drivers/still`, { headers: search })).json()) as { lat: number };
    expect((await put(ingest, 1)).status).toBe(200);
    expect((await put(search, 2)).status).toBe(403);
    const client = await connectAs(server.port, file.token('search'));
    for (const encoding of ['msgpack', 'json'] as const) {
      const answer = await client.ask({ op: 'locations', batch: [['still', 3, 0]] }, encoding);
      expect(answer.error?.code).toBe('FORBIDDEN');
      expect((await client.ask({ op: 'remove', id: 'still' }, encoding)).error?.code).toBe('FORBIDDEN');
    }
    client.close();
    expect((await held()).lat).toBe(1);
  });

  test('the description of the API says which operations ask for a token', async () => {
    type Described = { security?: unknown[]; description?: string; responses: Record<string, unknown> };
    const answer = await fetch(`${server.url}/openapi.json`, { headers: bearer(file.token('none')) });
    const { paths } = (await answer.json()) as { paths: Record<string, Record<string, Described>> };
    for (const { http, access } of OPERATIONS) {
      if (http === undefined) continue;
      const described = paths[http.path]?.[http.method.toLowerCase()] as Described;
      expect(described.security).toEqual(access === 'open' ? [] : [{ token: [] }, {}]);
      expect('401' in described.responses).toBe(access !== 'open');
      if (SCOPES.includes(access as never)) expect(described.description).toContain(`\`${access}\``);
    }
  });

  test('a wrong token, another scheme and an empty one are 401 with the reason', async () => {
    for (const authorization of ['Bearer raziel_wrong', 'Basic dTpw', 'Bearer', `Bearer ${'x'.repeat(5000)}`]) {
      const answer = await fetch(`${server.url}/v1/nearest?lat=0&lon=0`, { headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain('invalid_token');
    }
  });

  test('nobody without a token learns which paths there are', async () => {
    expect((await fetch(`${server.url}/v1/nothing`)).status).toBe(401);
    expect((await fetch(`${server.url}/healthz`, { method: 'POST' })).status).toBe(401);
    const { status } = await fetch(`${server.url}/v1/nothing`, { headers: bearer(file.token('none')) });
    expect(status).toBe(404);
  });

  test('a WebSocket needs a token, in the header or in the query string', async () => {
    expect(await openSocket(server.port, {})).toBe(401);
    expect(await openSocket(server.port, {}, '?token=raziel_wrong')).toBe(401);
    expect(await openSocket(server.port, bearer('raziel_wrong'), `?token=${file.token('search')}`)).toBe(401);
    const client = (await openSocket(server.port, {}, `?token=${file.token('search')}`)) as RawClient;
    expect(await client.ask({ op: 'nearest', lat: 0, lon: 0 })).toHaveProperty('drivers');
    client.close();
  });

  test('the query string is no place for a token over HTTP', async () => {
    const { status } = await fetch(`${server.url}/v1/nearest?lat=0&lon=0&token=${file.token('search')}`);
    expect(status).toBe(401);
  });

  test('no token and no header that holds one is ever logged', async () => {
    const client = (await openSocket(server.port, {}, `?token=${file.token('admin')}`)) as RawClient;
    await client.ask({ op: 'remove', id: 'cab-1' });
    client.close();
    const log = server.log();
    expect(log).toContain('"audit":true');
    for (const token of Object.values(file.tokens)) expect(log).not.toContain(token.slice(7, 20));
    expect(log).not.toContain('raziel_wrong');
    expect(log.toLowerCase()).not.toContain('bearer');
  });
});
