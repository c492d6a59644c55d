// Traces of a real server: recorded over WebSocket and HTTP, kept for errors and slowness, asked for, sent to another server, exported.

import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TracedCall, TraceSummary, TraceTree } from '../../src/tracing/tree.ts';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';
import { run } from './cli-process.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

interface Reply {
  readonly status: number;
  readonly body: any;
}

async function get({ url }: BootedServer, path: string): Promise<Reply> {
  const response = await fetch(`${url}${path}`);
  return { status: response.status, body: await response.json() };
}

async function tracesOf(server: BootedServer, query = ''): Promise<readonly TraceSummary[]> {
  return (await get(server, `/v1/traces?${query}`)).body.traces as TraceSummary[];
}

async function treeOf(server: BootedServer, traceId: string): Promise<TraceTree> {
  return (await get(server, `/v1/traces/${traceId}`)).body as TraceTree;
}

async function metric({ url }: BootedServer, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.split(' ')[1]);
}

/** Asks until the answer is one, for what another process or thread does in its own time. */
async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(20);
  }
}

/** Sends what the search finds, and searches, so that there is something to trace. */
async function search(server: BootedServer): Promise<string> {
  const client = await RawClient.connect(server);
  const answer = await client.ask({ op: 'nearest', ref: 1, lat: 1, lon: 2 });
  client.close();
  return answer['traceId'] as string;
}

describe('a server that records every request', () => {
  let server: BootedServer;
  beforeAll(async () => {
    server = await bootServer('--trace-rate', '1', '--trace-host', 'cab-office');
  });
  afterAll(() => server.stop());

  test('shows the trace of a search that native code answered', async () => {
    const traceId = await search(server);
    const tree = await treeOf(server, traceId);
    expect(tree).toMatchObject({ traceId, spans: 1 });
    const [root] = tree.roots;
    expect(root).toMatchObject({ name: 'raziel.search', from: 'websocket', host: 'cab-office', calls: [] });
    expect(Math.abs(Date.now() - (root as TracedCall).time)).toBeLessThan(60_000);
    expect(root).not.toHaveProperty('error');
  });

  test('shows the steps of a nearest-driver.search over WebSocket, one by one', async () => {
    const client = await RawClient.connect(server);
    await client.ask({ op: 'locations', batch: [['cab 1', 1, 2]] });
    const answer = await client.ask({ op: 'nearest', ref: 1, lat: 1, lon: 2, rank: 'eta' });
    client.close();
    expect(answer).toMatchObject({ ref: 1, drivers: [{ id: 'cab 1', etaSource: 'learned' }], version: 0 });
    const traceId = answer['traceId'] as string;
    const tree = await treeOf(server, traceId);
    expect(tree).toMatchObject({
      traceId,
      spans: 4,
      roots: [
        {
          name: 'nearest-driver.search',
          from: 'websocket',
          calls: ['zoning.search', 'raziel.multisearch', 'eta.multitraveltime'].map((name) => ({
            name,
            from: 'nearest-driver.search',
            calls: [],
          })),
        },
      ],
    });
    const [root] = tree.roots as [TracedCall];
    const micros = root.calls.reduce((sum, { durationMicros }) => sum + durationMicros, 0);
    expect(root.durationMicros).toBeGreaterThan(micros);

    const shown = await run(['trace', traceId, '--url', server.url]);
    const lines = shown.stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.replace(/^\S+Z  |  +[\d.]+ [µm]s$/g, ''))).toEqual([
      'cab-office  [REQ] websocket → nearest-driver.search',
      'cab-office    [REQ] nearest-driver → zoning.search',
      'cab-office    [REQ] nearest-driver → raziel.multisearch',
      'cab-office    [REQ] nearest-driver → eta.multitraveltime',
    ]);
  });

  test('shows one asked for by its id in decimal', async () => {
    const traceId = await search(server);
    const decimal = BigInt(`0x${traceId}`).toString();
    expect(await treeOf(server, decimal)).toMatchObject({ traceId });
  });

  test('goes on with a trace of the client, whatever it asks for', async () => {
    const client = await RawClient.connect(server);
    await client.ask({ op: 'ping', traceparent: TRACEPARENT }, 'json');
    await client.ask({ op: 'zonesAt', lat: 1, lon: 2, traceparent: TRACEPARENT });
    client.close();
    await fetch(`${server.url}/v1/zones`, { headers: { traceparent: TRACEPARENT } });
    const tree = await treeOf(server, TRACE);
    expect(tree.roots.map(({ name, from }) => [name, from])).toEqual([
      ['raziel.ping', 'websocket'],
      ['zoning.search', 'websocket'],
      ['zoning.list', 'http'],
    ]);
  });

  test('lists traces by service', async () => {
    await search(server);
    const names = (await tracesOf(server, 'service=raziel.search')).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(0);
    expect(new Set(names)).toEqual(new Set(['raziel.search']));
    expect(await tracesOf(server, 'service=nothing')).toEqual([]);
    expect(await tracesOf(server, 'limit=1')).toHaveLength(1);
  });

  test.each([
    ['/v1/traces?minMs=soon', 'BAD_REQUEST', 'minMs'],
    ['/v1/traces?minMs=-1', 'BAD_REQUEST', 'minMs'],
    ['/v1/traces?error=maybe', 'BAD_REQUEST', 'error'],
    ['/v1/traces?limit=0', 'BAD_LIMIT', 'limit'],
    ['/v1/traces?limit=1001', 'BAD_LIMIT', 'limit'],
    ['/v1/traces?service=', 'BAD_REQUEST', 'service'],
    ['/v1/traces?sevrice=zoning', 'BAD_REQUEST', 'sevrice'],
    ['/v1/traces/xyz', 'BAD_REQUEST', 'traceId'],
    ['/v1/traces/99999999999999999999', 'BAD_REQUEST', 'traceId'],
  ])('refuses %s', async (path, code, field) => {
    expect(await get(server, path)).toMatchObject({ status: 400, body: { error: { code, field } } });
  });

  test('knows no trace that there is not', async () => {
    expect(await get(server, `/v1/traces/${'1'.repeat(32)}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'UNKNOWN_TRACE', field: 'traceId' } },
    });
  });

  test('lists its endpoints with what they have done, native code included', async () => {
    const report = async () => {
      const { services, windowSeconds } = (await get(server, '/v1/services')).body;
      expect(windowSeconds).toBeGreaterThan(0);
      return services.find(({ name }: { name: string }) => name === 'raziel.search');
    };
    const before = await report();
    for (let i = 0; i < 3; i++) await search(server);
    await get(server, '/v1/nearest?lat=1&lon=2');
    expect((await get(server, '/v1/nearest?lat=91&lon=2')).status).toBe(400);
    const after = await report();
    expect(after).toMatchObject({ service: 'raziel', endpoint: 'search', callable: true });
    expect(after.total.calls - before.total.calls).toBe(5);
    expect(after.total.errors - before.total.errors).toBe(1);
    expect(after.window.calls).toBeGreaterThanOrEqual(5);
    expect(after.total.p99Micros).toBeGreaterThanOrEqual(after.total.p50Micros);
  });

  test('counts its spans', async () => {
    await search(server);
    expect(await metric(server, 'raziel_trace_spans_total{outcome="recorded"}')).toBeGreaterThan(0);
    expect(await metric(server, 'raziel_trace_spans_total{outcome="dropped"}')).toBe(0);
  });

  test('is asked by the command line', async () => {
    const traceId = await search(server);
    const at = ['--url', server.url];
    const list = await run(['traces', '--service', 'raziel', '--limit', '5', ...at]);
    expect(list).toMatchObject({ code: 0, stderr: expect.stringMatching(/^\d traces?\n$/) });
    expect(list.stdout).toContain(traceId);
    const shown = await run(['trace', traceId, ...at]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/^\S+Z {2}cab-office {2}\[REQ\] websocket → raziel\.search {2}\S+ (?:µs|ms)\n$/);
    const asJson = await run(['trace', traceId, '--json', ...at]);
    expect(JSON.parse(asJson.stdout)).toMatchObject({ traceId, roots: [{ name: 'raziel.search' }] });
    expect(await run(['trace', '1'.repeat(32), ...at])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('UNKNOWN_TRACE'),
    });
    const called = await run(['call', 'zoning.search', '{"lat":1,"lon":2}', '--json', ...at]);
    expect(JSON.parse(called.stdout)).toMatchObject({ zones: [] });
    expect(await run(['call', 'zoning.search', '{"lat":91,"lon":2}', ...at])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('BAD_LAT'),
    });
    expect(await run(['call', 'zoning.search', 'lat', ...at])).toMatchObject({ code: 2 });
  });
});

describe('a server that draws no request', () => {
  test('records those that fail, on every way in', async () => {
    const server = await bootServer('--trace-slow-ms', '3600000');
    const client = await RawClient.connect(server);
    expect(await client.ask({ op: 'nearest', lat: 1, lon: 2 })).not.toHaveProperty('traceId');
    await client.ask({ op: 'nearest', lat: 91, lon: 2 });
    await client.ask({ op: 'driver', id: 'nobody' }, 'json');
    await client.ask({ op: 'nonsense' });
    client.close();
    await fetch(`${server.url}/v1/nearest?lat=1`);
    await fetch(`${server.url}/v1/drivers/nobody`, { method: 'DELETE' });
    await fetch(`${server.url}/v1/nowhere`);
    await fetch(`${server.url}/v1/zones/x`, { method: 'PUT', body: '{}', headers: JSON_TYPE });
    const traces = await tracesOf(server);
    expect(traces.map(({ name, from, error }) => [name, from, error])).toEqual([
      ['zoning.put', 'http', 'BAD_ZONES'],
      ['raziel.request', 'http', 'NOT_FOUND'],
      ['raziel.remove', 'http', 'UNKNOWN_DRIVER'],
      ['raziel.search', 'http', 'BAD_LON'],
      ['raziel.request', 'websocket', 'BAD_REQUEST'],
      ['raziel.driver', 'websocket', 'UNKNOWN_DRIVER'],
      ['raziel.search', 'websocket', 'BAD_LAT'],
    ]);
    expect(await tracesOf(server, 'error=0')).toEqual([]);
    await server.stop();
  });

  test('records those that native code refuses', async () => {
    const server = await bootServer('--search-candidates-max', '1');
    const client = await RawClient.connect(server);
    await client.ask({ op: 'locations', batch: Array.from({ length: 50 }, (_, i) => [`cab ${i}`, 1, 2 + i / 1e4]) });
    const refused = await client.ask({ op: 'nearest', lat: 1, lon: 2, k: 50 });
    expect(refused).toMatchObject({ error: { code: 'SEARCH_TOO_WIDE' } });
    client.close();
    expect(await tracesOf(server, 'error=1')).toMatchObject([
      { name: 'raziel.search', from: 'websocket', error: 'SEARCH_TOO_WIDE', spans: 1 },
    ]);
    await server.stop();
  });

  test('records those that are slow', async () => {
    const server = await bootServer('--trace-slow-ms', '0');
    const client = await RawClient.connect(server);
    await client.ask({ op: 'ping' });
    await client.ask({ op: 'locations', batch: [['cab 1', 1, 2]] });
    client.close();
    const names = (await tracesOf(server)).map(({ name }) => name);
    expect(names).toContain('raziel.ping');
    expect(names).toContain('raziel.locations');
    await server.stop();
  });
});

describe('a server that stores traces', () => {
  test('shows them after a restart, and does without where there is no data directory', async () => {
    const data = mkdtempSync(join(tmpdir(), 'raziel-traces-'));
    const flags = ['--data', data, '--trace-rate', '1', '--trace-retention', '3600'];
    const first = await bootServer(...flags);
    const traceId = await search(first);
    const tree = await treeOf(first, traceId);
    await first.stop();
    const second = await bootServer(...flags);
    expect(await treeOf(second, traceId)).toEqual(tree);
    expect((await tracesOf(second)).map((trace) => trace.traceId)).toContain(traceId);
    await second.stop();
    rmSync(data, { recursive: true });
    await expect(bootServer('--trace-retention', '3600')).rejects.toThrow('--trace-retention');
  });
});

describe('a server that collects the traces of others', () => {
  let collector: BootedServer;
  let udpPort: number;
  let feeder: BootedServer;
  beforeAll(async () => {
    collector = await bootServer('--trace-listen', '0', '--trace-host', 'collector', '--trace-rate', '1');
    udpPort = Number(/collecting traces on udp 127\.0\.0\.1:(\d+)/.exec(collector.log())?.[1]);
    feeder = await bootServer('--trace-to', `127.0.0.1:${udpPort}`, '--trace-host', 'feeder', '--trace-rate', '1');
  });
  afterAll(async () => {
    await feeder.stop();
    await collector.stop();
  });

  test('shows theirs, joined with its own where a trace went through both', async () => {
    for (const server of [feeder, collector]) {
      await fetch(`${server.url}/v1/nearest?lat=1&lon=2`, { headers: { traceparent: TRACEPARENT } });
    }
    const tree = await eventually(async () => {
      const found = await treeOf(collector, TRACE);
      return found.spans === 2 ? found : undefined;
    });
    expect(tree.roots.map(({ host, name }) => [host, name])).toEqual([
      ['feeder', 'raziel.search'],
      ['collector', 'raziel.search'],
    ]);
    const { hosts } = (await get(collector, '/v1/services')).body;
    expect(hosts).toMatchObject([{ host: 'feeder', endpoints: [{ name: 'raziel.search', total: { calls: 1 } }] }]);
    expect(await metric(feeder, 'raziel_trace_spans_sent_total')).toBeGreaterThanOrEqual(1);
    expect(await metric(collector, 'raziel_trace_spans_received_total')).toBeGreaterThanOrEqual(1);
  });

  test('keeps none at the server that sends them', async () => {
    expect(await tracesOf(feeder)).toEqual([]);
  });

  test('ignores and counts datagrams that are none of theirs', async () => {
    const socket = createSocket('udp4');
    const before = await metric(collector, 'raziel_trace_datagrams_ignored_total');
    const garbage = [Buffer.alloc(0), Buffer.from('hello'), Buffer.alloc(1_400, 0xff), Buffer.from('RZLT\x01\x00')];
    for (const bytes of garbage) socket.send(bytes, udpPort, '127.0.0.1');
    await eventually(async () => {
      const ignored = (await metric(collector, 'raziel_trace_datagrams_ignored_total')) - before;
      return ignored === garbage.length ? true : undefined;
    });
    socket.close();
    expect((await get(collector, '/healthz')).status).toBe(200);
  });

  test('is refused an address that another has', async () => {
    await expect(bootServer('--trace-listen', String(udpPort))).rejects.toThrow('cannot listen for traces on udp');
  });

  test.each([
    ['--trace-to', '7401'],
    ['--trace-to', 'host:99999'],
    ['--trace-listen', 'a:b:c'],
    ['--trace-rate', '2'],
    ['--otlp', 'collector:4318'],
  ])('is not started with %s %s', async (flag, value) => {
    await expect(bootServer(flag, value)).rejects.toThrow(flag);
  });
});

describe('a server that exports to an OpenTelemetry collector', () => {
  /** A stand-in that takes OTLP over HTTP in JSON, as one is configured to. */
  let stand: Server;
  let status = 200;
  const bodies: any[] = [];
  const url = () => `http://127.0.0.1:${(stand.address() as AddressInfo).port}/v1/traces`;

  beforeAll(async () => {
    stand = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      expect(request.headers['content-type']).toBe('application/json');
      expect(request.url).toBe('/v1/traces');
      bodies.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(status, JSON_TYPE).end('{}');
    });
    stand.listen(0, '127.0.0.1');
    await once(stand, 'listening');
  });
  afterAll(() => stand.close());

  test('sends every span once, with its place in the trace, and sends the rest when it stops', async () => {
    status = 200;
    const server = await bootServer('--otlp', url(), '--trace-rate', '1', '--trace-host', 'exporter');
    const before = Date.now();
    await fetch(`${server.url}/v1/nearest?lat=91&lon=2`, { headers: { traceparent: TRACEPARENT } });
    await eventually(async () => ((await metric(server, 'raziel_trace_spans_exported_total')) > 0 ? true : undefined));
    const traceId = await search(server);
    await server.stop();
    const resources = bodies.splice(0).flatMap((body) => body.resourceSpans);
    const attributes = Object.fromEntries(
      resources[0].resource.attributes.map(({ key, value }: any) => [key, value.stringValue]),
    );
    expect(attributes).toMatchObject({ 'service.name': 'raziel', 'host.name': 'exporter' });
    const spans = resources.flatMap(({ scopeSpans }: any) => scopeSpans).flatMap(({ spans: of }: any) => of);
    const failed = spans.filter((span: any) => span.traceId === TRACE);
    expect(failed).toMatchObject([
      { name: 'raziel.search', parentSpanId: SPAN, status: { code: 2, message: 'BAD_LAT' } },
    ]);
    expect(Number(BigInt(failed[0].startTimeUnixNano) / 1_000_000n)).toBeGreaterThanOrEqual(before - 1_000);
    expect(BigInt(failed[0].endTimeUnixNano) >= BigInt(failed[0].startTimeUnixNano)).toBe(true);
    expect(spans.filter((span: any) => span.traceId === traceId)).toHaveLength(1);
  });

  test('counts what the collector does not take, and serves on', async () => {
    status = 400;
    const server = await bootServer('--otlp', url(), '--trace-rate', '1');
    await search(server);
    await eventually(async () =>
      (await metric(server, 'raziel_trace_spans_export_failures_total')) > 0 ? true : undefined,
    );
    expect(await metric(server, 'raziel_trace_spans_exported_total')).toBe(0);
    expect(await search(server)).toMatch(/^[0-9a-f]{32}$/);
    await server.stop();
  });
});
