// How a server starts, what keeps it from starting, and how it stops.

import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';

const booted: BootedServer[] = [];

async function boot(...flags: string[]): Promise<BootedServer> {
  const server = await bootServer(...flags);
  booted.push(server);
  return server;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

afterEach(async () => {
  for (const server of booted.splice(0)) {
    if (server.process.exitCode === null) server.process.kill('SIGKILL');
  }
});

describe('a server', () => {
  test('says which engine it took and why', async () => {
    const server = await boot('--engine', 'portable');
    await expect.poll(server.log).toMatch(/engine portable: it was asked for/);
  });

  test('on the portable engine has one thread, and says so when more were asked for', async () => {
    const server = await boot('--engine', 'portable', '--threads', '3');
    await expect.poll(server.log).toMatch(/the portable engine has one thread; 3 were asked for/);
    await expect.poll(server.log).toMatch(/with 1 serving thread"/);
  });

  test('refuses a port that another server has', async () => {
    // A port asked for by its number: the kernel does not share one that it has chosen itself.
    const port = String(await freePort());
    const first = await boot('--engine', 'portable', '--port', port);
    await expect(bootServer('--port', port)).rejects.toThrow(/another server has the port/);
    expect((await fetch(`${first.url}/healthz`)).status).toBe(200);
  });

  test('refuses an address other than loopback, unless it is told to', async () => {
    await expect(bootServer('--host', '0.0.0.0')).rejects.toThrow(/--insecure/);
    const server = await boot('--host', '0.0.0.0', '--insecure', '--engine', 'portable');
    expect((await fetch(`http://127.0.0.1:${server.port}/healthz`)).status).toBe(200);
  });

  test.each([
    ['--port', '70000'],
    ['--threads', '0'],
    ['--ttl', '-1'],
    ['--engine', 'quantum'],
    ['--held-bytes-max', '2000'],
  ])('refuses %s %s and names the flag', async (flag, value) => {
    await expect(bootServer(flag, value)).rejects.toThrow(flag);
  });

  test('takes its limits from the configuration', async () => {
    const server = await boot(
      '--engine',
      'portable',
      '--batch-fixes-max',
      '2',
      '--drivers-max',
      '2',
      '--frame-bytes-max',
      '2048',
    );
    const client = await RawClient.connect(server);
    expect(await client.ask({ op: 'locations', batch: [1, 2, 3] })).toMatchObject({ error: { code: 'TOO_LARGE' } });
    expect(
      await client.ask({
        op: 'locations',
        batch: [
          ['a', 1, 1],
          ['b', 1, 1],
        ],
      }),
    ).toMatchObject({ accepted: 2 });
    expect(
      await client.ask({
        op: 'locations',
        batch: [
          ['c', 1, 1],
          ['a', 1, 2],
        ],
      }),
    ).toMatchObject({
      accepted: 1,
      rejected: [{ index: 0, code: 'ENGINE_FULL' }],
    });
    client.socket.send(Buffer.alloc(2049, 0xc0));
    expect(await client.closed).toBe(1009);
  });

  test('takes a bounded number of connections, and answers OVERLOADED past it', async () => {
    const server = await boot('--engine', 'portable', '--connections-max', '2');
    const clients = [await RawClient.connect(server), await RawClient.connect(server)];
    await expect(RawClient.connect(server)).rejects.toThrow(/503/);
    for (const client of clients) expect(await client.ask({ op: 'ping', ref: 1 })).toMatchObject({ ref: 1 });
    clients[0]?.close();
    await expect
      .poll(
        () =>
          RawClient.connect(server).then(
            () => 'connected',
            () => 'refused',
          ),
        { timeout: 10_000 },
      )
      .toBe('connected');
  });
});

describe('SIGTERM', () => {
  test('lets a server answer what is in flight, close its WebSockets with 1001 and exit with 0', async () => {
    const server = await boot('--engine', 'portable');
    const client = await RawClient.connect(server);
    expect(await client.ask({ op: 'ping', ref: -1 })).toMatchObject({ ref: -1 });
    const count = 2_000;
    for (let ref = 0; ref < count; ref++) client.sendPacked({ op: 'nearest', ref, lat: 1, lon: 1 });
    await client.until(2); // the first has arrived, the others are on their way
    server.process.kill('SIGTERM');
    expect(await client.closed).toBe(1001);
    expect(client.answers.map(({ ref }) => ref)).toEqual([-1, ...Array.from({ length: count }, (_, ref) => ref)]);
    expect(await server.exited).toBe(0);
  });

  test('waits for a slow reader until the deadline, and no longer', async () => {
    const server = await boot('--engine', 'portable', '--drain-seconds', '0.5');
    const client = await RawClient.connect(server);
    await client.ask({ op: 'locations', batch: Array.from({ length: 1000 }, (_, i) => [`d${i}`, 1, 1]) });
    client.socket.pause();
    for (let ref = 0; ref < 400; ref++) client.sendPacked({ op: 'nearest', ref, lat: 1, lon: 1, k: 1000 });
    expect(await server.stop()).toBe(0);
    client.close();
  });

  test('makes a draining server refuse connections and report that it is not ready', async () => {
    const server = await boot('--engine', 'portable', '--drain-seconds', '20');
    const slow = await RawClient.connect(server);
    await slow.ask({ op: 'locations', batch: Array.from({ length: 1000 }, (_, i) => [`d${i}`, 1, 1]) });
    slow.socket.pause();
    for (let ref = 0; ref < 400; ref++) slow.sendPacked({ op: 'nearest', ref, lat: 1, lon: 1, k: 1000 });
    const kept = connect(server.port, '127.0.0.1');
    const received: string[] = [];
    kept.on('data', (chunk) => received.push(chunk.toString()));
    const readyz = 'GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n';
    kept.write(readyz);
    await expect.poll(() => received.join('')).toContain('HTTP/1.1 200 OK');
    server.process.kill('SIGTERM');
    await expect
      .poll(
        () =>
          fetch(`${server.url}/healthz`).then(
            () => 'up',
            () => 'refused',
          ),
        { timeout: 10_000 },
      )
      .toBe('refused');
    kept.write(readyz);
    await expect.poll(() => received.join('')).toContain('HTTP/1.1 503');
    await expect.poll(() => received.join('')).toContain('SHUTTING_DOWN');
    kept.destroy();
    slow.socket.resume();
    expect(await slow.closed).toBe(1001);
    expect(slow.answers).toHaveLength(401);
    expect(await server.exited).toBe(0);
  });
});
