// A server with --max-memory: whatever its clients keep it from forgetting, its resident memory stays below the bound, who behaves is served, and
// all is as before once it is over. The peak is the kernel's (VmHWM), so that nothing escapes between two looks.

import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';
import { RawSocket } from '../support/raw-socket.ts';

const MIB = 2 ** 20;
const MAX_MEMORY_MIB = 400;

let server: BootedServer;
let raws: RawSocket[] = [];
let clients: RawClient[] = [];

afterEach(async () => {
  for (const raw of raws) raw.close();
  for (const client of clients) client.close();
  raws = [];
  clients = [];
  expect(await server.stop()).toBe(0);
});

/** Peak of the resident memory so far. */
function peakBytes(): number {
  const status = readFileSync(`/proc/${server.process.pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`, { headers: { connection: 'close' } })).text();
  return Number(new RegExp(`^${name.replaceAll(/[{}"]/g, '\\$&')} (\\S+)`, 'm').exec(text)?.[1]);
}

async function boot(): Promise<RawClient> {
  server = await bootServer('--max-memory', `${MAX_MEMORY_MIB}MiB`, '--log-level', 'warn', '--memory');
  const client = await RawClient.connect(server);
  clients.push(client);
  const tags = Array.from({ length: 8 }, (_, i) => `a-rather-long-tag-to-make-answers-large-${i}`);
  const batch = Array.from({ length: 2_000 }, (_, i) => [`driver-${i}`, 10 + i / 1e5, 10, null, 1, 2, 3, tags, 3600]);
  for (let i = 0; i < batch.length; i += 500) {
    expect(await client.ask({ op: 'locations', batch: batch.slice(i, i + 500) })).toMatchObject({ accepted: 500 });
  }
  return client;
}

const within = { op: 'within', bbox: [9, 9, 12, 12], limit: 2_000 };

/** Large answers are given again, once the server has let go of what it kept. */
async function untilServed(client: RawClient): Promise<void> {
  for (;;) {
    const answer = await client.ask(within);
    if (answer.error === undefined) return;
    expect(answer.error.code).toBe('OVERLOADED');
  }
}

describe.runIf(process.platform === 'linux')('the memory of a server', () => {
  test('stays bounded when many clients ask for much and read nothing', async () => {
    const good = await boot();
    const reading: Promise<unknown>[] = [];
    for (let i = 0; i < 60; i++) {
      const client = await RawClient.connect(server).catch(() => undefined);
      if (client === undefined) break; // the server is short of memory and says so
      clients.push(client);
      client.socket.pause();
      for (let ref = 0; ref < 40; ref++) client.sendPacked({ ...within, ref });
      if (i % 10 === 9) reading.push(good.ask({ op: 'nearest', lat: 10, lon: 10, k: 3 }));
    }
    for (const answer of await Promise.all(reading)) expect(answer).toHaveProperty('drivers');
    // Who behaves has been answered long before the others' requests have used up the memory.
    for (const name of ['raziel_unsent_bytes', 'raziel_shed_requests_total']) {
      await expect.poll(() => metric(name), { timeout: 20_000 }).toBeGreaterThan(0);
    }
    expect(peakBytes()).toBeLessThan(MAX_MEMORY_MIB * MIB);
    for (const client of clients.splice(1)) client.close();
    await untilServed(good);
    expect(await good.ask({ op: 'ping', ref: 1 })).toMatchObject({ ref: 1 });
  });

  test('stays bounded when many clients send much and let it wait', async () => {
    const good = await boot();
    const large = 'x'.repeat(900_000);
    for (let i = 0; i < 40; i++) {
      const client = await RawClient.connect(server).catch(() => undefined);
      if (client === undefined) break;
      clients.push(client);
      client.socket.pause();
      for (let ref = 0; ref < 10; ref++) client.sendPacked({ ...within, ref });
      for (let ref = 0; ref < 12; ref++) client.sendPacked({ op: 'ping', ref, large });
    }
    expect(await good.ask({ op: 'ping', ref: 'still' })).toMatchObject({ ref: 'still' });
    expect(peakBytes()).toBeLessThan(MAX_MEMORY_MIB * MIB);
    for (const client of clients.splice(1)) client.close();
    await untilServed(good);
    expect(await metric('raziel_held_bytes')).toBe(0);
  });

  test('stays bounded when bodies and frames come in part', async () => {
    const good = await boot();
    for (let i = 0; i < 120; i++) {
      const body = await RawSocket.connect(server.port);
      raws.push(body);
      await body.write(`POST /v1/locations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n`);
      await body.write(Buffer.alloc(990_000, 0x20));
      const frame = await RawSocket.upgrade(server.port);
      raws.push(frame);
      await frame.writeFrame(2_000_000, 1_900_000);
      if (i % 20 === 19) expect(await good.ask({ op: 'ping', ref: i })).toMatchObject({ ref: i });
    }
    expect(peakBytes()).toBeLessThan(MAX_MEMORY_MIB * MIB);
    for (const raw of raws) raw.close();
    await untilServed(good);
    expect(await metric('raziel_body_bytes')).toBe(0);
  });

  test('stays bounded when layers of zones are uploaded that take all there is', async () => {
    const good = await boot();
    const put = async (body: string): Promise<string> => {
      const sent = { method: 'PUT', body: Buffer.from(body) };
      const response = await fetch(`${server.url}/v1/zones/a`, sent).catch(() => undefined);
      const answer = (await response?.json().catch(() => undefined)) as { error?: { code: string } } | undefined;
      return answer?.error?.code ?? 'none';
    };
    for (const unit of ['[],', '{},', '[0,0],', '0,']) {
      const body = `{"type":"FeatureCollection","features":[${unit.repeat(3_500_000 / unit.length)}0]}`;
      expect(await put(body)).toMatch(/^(TOO_LARGE|OVERLOADED|BAD_ZONES)$/);
      expect(await good.ask({ op: 'ping', ref: unit })).toMatchObject({ ref: unit });
    }
    expect(await put(`${' '.repeat(20 * MIB)}{}`)).toMatch(/^(TOO_LARGE|OVERLOADED|none)$/);
    expect(peakBytes()).toBeLessThan(MAX_MEMORY_MIB * MIB);
    await untilServed(good);
  });
});
