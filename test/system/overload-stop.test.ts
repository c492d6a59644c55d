// Stopping a server that has stuck clients: no later than its deadline, and at once when it is told twice.

import { once } from 'node:events';
import { expect, test } from 'vitest';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';
import { RawSocket } from '../support/raw-socket.ts';

/** Clients that neither read, nor finish, nor leave. */
async function stick(server: BootedServer): Promise<() => void> {
  const client = await RawClient.connect(server);
  const batch = Array.from({ length: 1_000 }, (_, i) => [`driver ${i}`, 1, 1]);
  await client.ask({ op: 'locations', batch });
  client.socket.pause();
  for (let ref = 0; ref < 400; ref++) client.sendPacked({ op: 'nearest', ref, lat: 1, lon: 1, k: 1_000 });
  const body = await RawSocket.connect(server.port);
  await body.write('POST /v1/locations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n[');
  const upload = await RawSocket.connect(server.port);
  await upload.write('PUT /v1/zones/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{');
  const head = await RawSocket.connect(server.port);
  await head.write('GET /healthz HTTP/1.1\r\nHost: ');
  return () => {
    client.close();
    for (const raw of [body, upload, head]) raw.close();
  };
}

/** Resolves when the log says so. */
async function untilLogged(server: BootedServer, text: string): Promise<void> {
  while (!server.log().includes(text)) await once(server.process.stderr as NodeJS.ReadableStream, 'data');
}

test.each(['1', '2'])(
  'a server of %s serving threads waits for stuck clients until its deadline only',
  async (threads) => {
    const server = await bootServer('--drain-seconds', '0.5', '--threads', threads);
    const release = await stick(server);
    expect(await server.stop()).toBe(0);
    expect(server.log()).toContain('stopped');
    release();
  },
);

test.each(['SIGTERM', 'SIGINT'] as const)('a second signal (%s) ends it at once', async (second) => {
  // A drain that would outlast the test.
  const server = await bootServer('--drain-seconds', '600');
  const release = await stick(server);
  server.process.kill('SIGTERM');
  await untilLogged(server, 'stopping');
  server.process.kill(second);
  expect(await server.exited).toBe(130);
  release();
});
