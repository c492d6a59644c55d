// What a page in a browser may do to a server: nothing from another site or under a name that is not the server's, unless it is allowed.

import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BootedServer, bootServer, type RawClient } from '../support/booted-server.ts';
import { openSocket, TokensFile } from '../support/access.ts';

type Headers = Record<string, string>;

interface Got {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** fetch sets Host and Origin itself. */
function ask(port: number, path: string, headers: Headers, method = 'GET', body?: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, path, method, headers }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text }));
    });
    req.on('error', reject);
    req.end(body);
  });
}

const FIX = '[["cab-1",1,1]]';
const post = (port: number, headers: Headers) =>
  ask(port, '/v1/locations', { 'content-type': 'application/json', ...headers }, 'POST', FIX);

async function opens(port: number, headers: Headers): Promise<number> {
  const got = await openSocket(port, headers);
  if (typeof got === 'number') return got;
  got.close();
  return 101;
}

describe('a server on loopback', () => {
  let server: BootedServer;
  beforeAll(async () => {
    server = await bootServer();
  });
  afterAll(() => server.stop());

  test('refuses a Host that is not its own, on every path and on the WebSocket', async () => {
    for (const host of [
      'evil.example',
      `evil.example:${server.port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
    ]) {
      for (const path of ['/v1/nearest?lat=0&lon=0', '/healthz', '/metrics', '/nothing']) {
        const { status, body } = await ask(server.port, path, { host });
        expect([status, JSON.parse(body).error.code], `${host} ${path}`).toEqual([403, 'FORBIDDEN']);
      }
      expect(await opens(server.port, { host })).toBe(403);
    }
  });

  test.each(['localhost', 'LOCALHOST.', 'app.localhost', '127.0.0.1', '127.0.0.1:99', '[::1]:7400', '10.1.2.3'])(
    'answers to the Host %s',
    async (host) => {
      expect((await ask(server.port, '/healthz', { host })).status).toBe(200);
      expect(await opens(server.port, { host })).toBe(101);
    },
  );

  test.each([
    'https://evil.example',
    'http://localhost:1',
    'http://127.0.0.1:1',
    'null',
    'file://',
    'http://127.0.0.1.evil.example',
    'x',
  ])('refuses a page of %s: its posts, its reads and its WebSocket', async (origin) => {
    const refused = await post(server.port, { origin });
    expect(refused.status).toBe(403);
    expect(refused.headers['access-control-allow-origin']).toBeUndefined();
    expect((await ask(server.port, '/v1/drivers/cab-1', { origin })).status).toBe(403);
    expect((await ask(server.port, '/v1/locations', { origin }, 'OPTIONS')).status).toBe(403);
    expect(await opens(server.port, { origin })).toBe(403);
    expect((await ask(server.port, '/v1/drivers/cab-1', {})).status).toBe(404);
  });

  test.each(['cross-site', 'same-site'])(
    'refuses what a page that is %s changes without an Origin, as an image does',
    async (site) => {
      const headers = { 'sec-fetch-site': site };
      expect((await post(server.port, headers)).status).toBe(403);
      expect((await ask(server.port, '/v1/drivers/cab-1', headers, 'DELETE')).status).toBe(403);
      expect((await ask(server.port, '/openapi.json', headers)).status).toBe(200);
    },
  );

  test('answers its own pages, and programs that send no Origin', async () => {
    const own = { origin: `http://127.0.0.1:${server.port}` };
    expect((await post(server.port, own)).status).toBe(200);
    expect(await opens(server.port, own)).toBe(101);
    const byName = { origin: `http://localhost:${server.port}`, host: `localhost:${server.port}` };
    expect((await post(server.port, byName)).status).toBe(200);
    expect((await post(server.port, {})).status).toBe(200);
  });

  test('sends no CORS headers', async () => {
    const { headers } = await ask(server.port, '/openapi.json', { origin: `http://127.0.0.1:${server.port}` });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('a server that allows an origin and a name', () => {
  const origin = 'https://ops.example.com';
  let server: BootedServer;
  beforeAll(async () => {
    server = await bootServer('--allow-origin', `${origin},https://b.example`, '--allow-host', 'geo.example.com');
  });
  afterAll(() => server.stop());

  test('lets pages of that origin ask, and read the answers and the errors', async () => {
    for (const path of ['/v1/nearest?lat=0&lon=0', '/v1/nearest?lat=x', '/nothing']) {
      const { headers } = await ask(server.port, path, { origin });
      expect(headers['access-control-allow-origin']).toBe(origin);
      expect(headers['vary']).toBe('origin');
    }
    expect((await post(server.port, { origin })).status).toBe(200);
    expect(await opens(server.port, { origin })).toBe(101);
  });

  test('answers a preflight, and refuses that of another origin', async () => {
    const wanted = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization' };
    const { status, headers } = await ask(server.port, '/v1/zones/a', { origin, ...wanted }, 'OPTIONS');
    expect(status).toBe(204);
    expect(headers['access-control-allow-methods']).toContain('PUT');
    expect(headers['access-control-allow-headers']).toContain('authorization');
    expect(headers['access-control-allow-origin']).toBe(origin);
    expect((await ask(server.port, '/v1/zones/a', { origin: 'https://c.example', ...wanted }, 'OPTIONS')).status).toBe(
      403,
    );
  });

  test('answers to that name, and to no other', async () => {
    expect((await ask(server.port, '/healthz', { host: 'geo.example.com' })).status).toBe(200);
    expect((await ask(server.port, '/healthz', { host: 'evil.example' })).status).toBe(403);
  });
});

describe('a server with tokens', () => {
  const file = new TokensFile({ reader: { scopes: ['search'] } });
  let server: BootedServer;
  beforeAll(async () => {
    server = await bootServer('--auth', file.file);
  });
  afterAll(async () => {
    await server.stop();
    file.remove();
  });
  const authorization = `Bearer ${file.token('reader')}`;

  test('answers under any name, since a page that was rebound has no token', async () => {
    const host = 'anything.example';
    expect((await ask(server.port, '/v1/zones', { host, authorization })).status).toBe(200);
    expect((await ask(server.port, '/v1/zones', { host })).status).toBe(401);
  });

  test('refuses foreign pages even with a token', async () => {
    const origin = 'https://evil.example';
    expect((await ask(server.port, '/v1/zones', { origin, authorization })).status).toBe(403);
    const got = await openSocket(server.port, { origin }, `?token=${file.token('reader')}`);
    if (typeof got !== 'number') (got as RawClient).close();
    expect(got).toBe(403);
  });
});
