// Endpoints called by their names, over HTTP and WebSocket, and what answers say of their traces.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BootedServer, bootServer, RawClient, unpack } from '../support/booted-server.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const ID = /^0{16}[0-9a-f]{16}$/;

let server: BootedServer;
let quiet: BootedServer;

beforeAll(async () => {
  [server, quiet] = await Promise.all([bootServer('--trace-rate', '1'), bootServer('--trace-rate', '0')]);
  for (const { url } of [server, quiet]) {
    await fetch(`${url}/v1/locations`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: '{"id":"cab 1","lat":37.775,"lon":-122.419,"ttl":3600}',
    });
  }
});

afterAll(() => Promise.all([server.stop(), quiet.stop()]));

const call = (name: string, body: object) =>
  fetch(`${quiet.url}/v1/services/${name}`, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) });

describe('an endpoint called by its name', () => {
  test('answers over HTTP as its operation does', async () => {
    const near = await call('raziel.search', { nearest: { lat: 37.77, lon: -122.42, k: 1 } });
    expect(await near.json()).toMatchObject({ drivers: [{ id: 'cab 1' }] });
    const driver = await call('raziel.driver', { id: 'cab 1' });
    expect(await driver.json()).toMatchObject({ id: 'cab 1', lat: 37.775 });
    const fixes = await call('raziel.locations', {
      batch: [
        ['cab 2', 1, 2],
        ['cab 3', 91, 2],
      ],
    });
    expect(await fixes.json()).toMatchObject({ accepted: 1, rejected: [{ index: 1, code: 'BAD_LAT' }] });
    const zones = await call('zoning.search', { lat: 1, lon: 2 });
    expect(await zones.json()).toMatchObject({ zones: [] });
  });

  test('answers in MessagePack who asks for it', async () => {
    const answer = await fetch(`${quiet.url}/v1/services/raziel.ping`, {
      method: 'POST',
      body: Uint8Array.of(0x80),
      headers: { 'content-type': 'application/msgpack', accept: 'application/msgpack' },
    });
    expect(unpack(new Uint8Array(await answer.arrayBuffer()))).toEqual({ time: expect.any(Number) });
  });

  test.each(['json', 'msgpack'] as const)('answers over WebSocket in %s, flat', async (encoding) => {
    const client = await RawClient.connect(quiet);
    const body = { nearest: { lat: 37.77, lon: -122.42, k: 1 } };
    const answer = await client.ask({ op: 'call', ref: 7, service: 'raziel.search', body }, encoding);
    expect(answer).toMatchObject({ ref: 7, drivers: [{ id: 'cab 1' }] });
    expect(await client.ask({ op: 'call', ref: 8, service: 'raziel.ping' }, encoding)).toMatchObject({ ref: 8 });
    expect(
      await client.ask({ op: 'call', ref: 9, service: 'raziel.driver', body: { id: 'x' } }, encoding),
    ).toMatchObject({
      ref: 9,
      error: { code: 'UNKNOWN_DRIVER' },
    });
    client.close();
  });

  test.each([
    ['a name that there is not', 'raziel.nothing', {}, 404, 'UNKNOWN_SERVICE'],
    ['a name that is broken', '%ff', {}, 400, 'BAD_REQUEST'],
    ['an endpoint for other services only', 'zoning.put', {}, 501, 'NOT_SUPPORTED'],
    ['a body that is no map', 'raziel.ping', [], 400, 'BAD_REQUEST'],
    ['a bad input', 'raziel.search', { nearest: { lat: 91, lon: 0 } }, 400, 'BAD_LAT'],
  ])('refuses %s', async (_, name, body, status, code) => {
    const answer = await call(name, body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { code } });
  });

  test.each([
    ['no service', { op: 'call' }],
    ['a body that is no map', { op: 'call', service: 'raziel.ping', body: 1 }],
    ['a field that it does not know', { op: 'call', service: 'raziel.ping', input: {} }],
  ])('refuses %s over WebSocket', async (_, frame) => {
    const client = await RawClient.connect(quiet);
    expect(await client.ask(frame)).toMatchObject({ error: { code: 'BAD_REQUEST' } });
    client.close();
  });
});

describe('a request that is recorded', () => {
  test.each(['json', 'msgpack'] as const)('says its trace in the answer of a search in %s', async (encoding) => {
    const client = await RawClient.connect(server);
    const search = { op: 'nearest', ref: 1, lat: 37.77, lon: -122.42, k: 1 };
    const ids = new Set<unknown>();
    for (const frame of [search, { op: 'within', circle: { lat: 37.77, lon: -122.42, radius: 5000 } }]) {
      const answer = await client.ask(frame, encoding);
      expect(answer).toMatchObject({ drivers: [{ id: 'cab 1' }], traceId: expect.stringMatching(ID) });
      ids.add(answer['traceId']);
    }
    const many = await client.ask({ op: 'multisearch', searches: [{ nearest: { lat: 1, lon: 2 } }] }, encoding);
    ids.add(many['traceId']);
    expect(ids.size).toBe(3);
    client.close();
  });

  test('goes on with the trace that its traceparent names', async () => {
    const client = await RawClient.connect(quiet);
    const search = { op: 'nearest', lat: 37.77, lon: -122.42 };
    expect(await client.ask({ ...search, traceparent: TRACEPARENT })).toMatchObject({ traceId: TRACE });
    expect(await client.ask({ ...search, traceparent: 'nonsense' })).not.toHaveProperty('traceId');
    expect(await client.ask(search)).not.toHaveProperty('traceId');
    client.close();
    const answer = await fetch(`${quiet.url}/v1/nearest?lat=1&lon=2`, { headers: { traceparent: TRACEPARENT } });
    expect(answer.headers.get('traceparent')).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(await answer.json()).toMatchObject({ traceId: TRACE });
  });

  test('says its trace in a header of every answer over HTTP', async () => {
    const driver = await fetch(`${server.url}/v1/drivers/cab%201`);
    expect(driver.headers.get('traceparent')).toMatch(/^00-0{16}[0-9a-f]{16}-[0-9a-f]{16}-01$/);
    expect(await driver.json()).not.toHaveProperty('traceId');
    const layers = await fetch(`${server.url}/v1/zones`);
    expect(layers.headers.get('traceparent')).not.toBeNull();
    const unsampled = await fetch(`${quiet.url}/v1/zones`);
    expect(unsampled.headers.get('traceparent')).toBeNull();
  });
});
