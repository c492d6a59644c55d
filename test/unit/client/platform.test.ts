import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { connect } from '../../../src/client/index.ts';
import { Peer, plainly } from './peer.ts';

const platform = globalThis as { WebSocket?: unknown };
const before = platform.WebSocket;
afterEach(() => {
  if (before === undefined) delete platform.WebSocket;
  else platform.WebSocket = before;
});

it('takes the platform’s own WebSocket where there is one, with ArrayBuffers, and `ws` when asked to prefer it', async () => {
  const peer = await new Peer(plainly).start();
  let made = 0;
  // As browsers have it: nothing beyond the standard's own members is used.
  platform.WebSocket = class extends WebSocket {
    constructor(url: string) {
      super(url);
      made += 1;
      Object.defineProperty(this, 'terminate', { value: undefined });
    }
  };
  const client = await connect(peer.url);
  expect(await client.ping()).toEqual({ time: 1_411_000_000_000 });
  expect(made).toBe(1);
  await client.close();
  const other = await connect(peer.url, { preferWs: true });
  expect(await other.ping()).toEqual({ time: 1_411_000_000_000 });
  expect(made).toBe(1);
  await other.close();
  await peer.stop();
});

it('imports nothing but its own files and msgpackr before it knows the platform, so that browsers can load it', () => {
  const folder = new URL('../../../src/client/', import.meta.url);
  const imported = new Set<string>();
  for (const file of readdirSync(folder)) {
    const text = readFileSync(new URL(file, folder), 'utf8');
    for (const [, name = ''] of text.matchAll(/^(?:import|export) [^;]*? from '([^']+)';/gm)) imported.add(name);
  }
  expect([...imported].filter((name) => !/^\.\/[a-z]+\.ts$/.test(name))).toEqual(['msgpackr']);
});

it('holds a flood back that the socket cannot take, and all of it arrives', async () => {
  const peer = await new Peer(plainly).start();
  const client = await connect(peer.url, { pendingBytesMax: 1e9 });
  const id = 'x'.repeat(100);
  const batch = Array.from({ length: 1000 }, () => [id, 1, 2] as const);
  const sent = Array.from({ length: 300 }, () => client.locations(batch, { ack: 'none' }));
  // 32 MB at once is more than the socket is given: the rest waits here, counted.
  expect(client.stats().queued).toBeGreaterThan(100);
  await Promise.all(sent);
  await client.ping();
  expect(peer.received).toHaveLength(301);
  await client.close();
  await peer.stop();
});
