// Several serving threads over one native engine: what one connection posts, every other sees, whichever thread serves it.

import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadNative } from '../../src/drivers/native.ts';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';

const native = loadNative();
if (!native.ok) console.warn(`SKIPPED: several serving threads, which need the native engine: ${native.reason}`);

const hasNice = process.platform === 'linux';
if (!hasNice) console.warn('SKIPPED: priorities of threads, which only Linux has');

const CONNECTIONS = 24;

describe.skipIf(!native.ok)('a server of two serving threads', () => {
  let server: BootedServer;
  let clients: RawClient[] = [];

  /** Asked over a connection of its own, which lands on either thread. */
  async function pingsCounted(): Promise<string | undefined> {
    const response = await fetch(`${server.url}/metrics`, { headers: { connection: 'close' } });
    return /^raziel_requests_total\{op="ping",transport="ws"\} (\d+)/m.exec(await response.text())?.[1];
  }

  beforeAll(async () => {
    server = await bootServer('--engine', 'native', '--threads', '2');
    clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => RawClient.connect(server)));
  });

  afterAll(() => {
    server.process.kill('SIGKILL');
  });

  test('says so', async () => {
    await expect.poll(server.log).toMatch(/with 2 serving threads/);
  });

  test.skipIf(!hasNice)('lets serving threads go before those that work beside them', async () => {
    const nicesOf = (pid: number): number[] => {
      const tasks = `/proc/${pid}/task`;
      // proc_pid_stat(5): nice is field 19; the name in field 2 may hold blanks.
      const fields = readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/stat`, 'utf8').split(') ')[1]);
      return fields.map((text) => Number(text?.split(' ')[16]));
    };
    const pid = server.process.pid as number;
    const own = Math.min(...nicesOf(pid));
    const behind = (): number[] => {
      return nicesOf(pid)
        .flatMap((nice) => (nice > own ? [nice] : []))
        .sort((a, b) => a - b);
    };
    const waited = Math.min(19, own + 10);
    // Supply, zones and tracing, and the learner of travel times.
    await expect.poll(behind).toEqual([waited, waited, waited, 19]);
  });

  test('shows a fix to every connection as soon as it is acknowledged', async () => {
    for (const [i, poster] of clients.entries()) {
      expect(await poster.ask({ op: 'locations', batch: [['shared', 10 + i, 10]] })).toMatchObject({ accepted: 1 });
      const seen = await Promise.all(clients.map((client) => client.ask({ op: 'driver', id: 'shared' })));
      expect(seen.map(({ lat }) => lat)).toEqual(clients.map(() => 10 + i));
    }
  });

  test('counts the requests of all threads, whichever is asked', async () => {
    await Promise.all(clients.map((client) => client.ask({ op: 'ping' })));
    for (let i = 0; i < 8; i++) expect(await pingsCounted()).toBe(String(CONNECTIONS));
  });

  test('counts supply off the serving threads, for each of them', async () => {
    const answers = await Promise.all(clients.map((client) => client.ask({ op: 'supply', resolution: 2 })));
    for (const answer of answers) {
      if (answer.error === undefined) expect(answer).toMatchObject({ cells: [{ count: 1 }] });
      else expect(answer.error.code).toBe('OVERLOADED');
    }
    expect(answers.some(({ error }) => error === undefined)).toBe(true);
  });

  test('refuses a second server on its port, of one thread or of several', async () => {
    const port = String(server.port);
    await expect(bootServer('--engine', 'native', '--threads', '2', '--port', port)).rejects.toThrow(
      /another server has the port/,
    );
    await expect(bootServer('--engine', 'native', '--threads', '1', '--port', port)).rejects.toThrow(
      /another server has the port/,
    );
    await expect(bootServer('--engine', 'portable', '--port', port)).rejects.toThrow(/another server has the port/);
    for (let i = 0; i < 8; i++) {
      const response = await fetch(`${server.url}/v1/drivers/shared`, { headers: { connection: 'close' } });
      expect(response.status).toBe(200);
    }
  });

  test('drains every thread on SIGTERM and exits with 0', async () => {
    const before = clients.map(({ answers }) => answers.length);
    for (const client of clients)
      for (let ref = 0; ref < 100; ref++) client.sendPacked({ op: 'nearest', ref, lat: 10, lon: 10 });
    server.process.kill('SIGTERM');
    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual(clients.map(() => 1001));
    for (const [i, client] of clients.entries()) {
      expect(client.answers.slice(before[i]).map(({ ref }) => ref)).toEqual(
        Array.from({ length: 100 }, (_, ref) => ref),
      );
    }
    expect(await server.exited).toBe(0);
  });
});
