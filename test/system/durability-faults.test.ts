// Faults of the disk and of the process, for real: kills in the middle of a feed, a full disk, the order of sync and acknowledgement.
//
//   RAZIEL_KILLS=100 npx vitest run test/system/durability-faults.test.ts

import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runKillRounds } from '../../bench/lib/kill-rounds.ts';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';
import { dataDirectory } from '../support/data-directory.ts';

const KILLS = Number(process.env.RAZIEL_KILLS ?? 15);
const SEED = 7400;
const DRIVERS = 2_000;

async function boot(data: string, ...flags: string[]): Promise<BootedServer> {
  const server = await bootServer('--data', data, '--log-level', 'info', ...flags);
  onTestFinished(async () => {
    server.process.kill('SIGKILL');
    await server.exited;
  });
  return server;
}

/** Whether a program is there; says loudly when it is not. */
function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(`NOT TESTED: ${program} is not installed`);
    return false;
  }
}

test(`${KILLS} kills in the middle of a feed lose nothing that was promised (seed ${SEED})`, {
  timeout: 60_000 + KILLS * 20_000,
}, async () => {
  const data = dataDirectory();
  const { promised, faults } = await runKillRounds({
    kills: KILLS,
    seed: SEED,
    drivers: DRIVERS,
    async boot() {
      const server = await boot(data);
      return {
        port: server.port,
        async kill() {
          server.process.kill('SIGKILL');
          await server.exited;
        },
      };
    },
  });
  expect(faults).toEqual([]);
  expect(promised).toBeGreaterThan((KILLS * DRIVERS) / 10);
});

test.runIf(has('prlimit'))(
  'a full disk fails what is to be durable, nothing else, and goes on when there is room',
  { timeout: 120_000 },
  async () => {
    const server = await boot(dataDirectory());
    const client = await RawClient.connect(server);
    const limit = (bytes: string): void => {
      execFileSync('prlimit', ['--pid', String(server.process.pid), `--fsize=${bytes}:unlimited`]);
    };
    const batch = Array.from({ length: 1_000 }, (_, i) => ({ id: `d${i}`, lat: i / 1000, lon: 0, ttl: 600 }));
    const readyz = async (): Promise<unknown> => (await fetch(`${server.url}/readyz`)).json();
    const metric = async (name: string): Promise<number> => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(name))
          ?.split(' ')
          .at(-1),
      );
    };
    expect(await client.ask({ op: 'locations', ack: 'durable', batch: batch.slice(0, 10) })).toMatchObject({
      accepted: 10,
    });
    limit('20000');
    expect(await client.ask({ op: 'locations', ack: 'durable', batch })).toMatchObject({
      error: { code: 'STORAGE_FULL' },
    });
    expect(await client.ask({ op: 'locations', batch: [{ id: 'later', lat: 1, lon: 1, ttl: 600 }] })).toMatchObject({
      accepted: 1,
    });
    expect(await client.ask({ op: 'nearest', lat: 1, lon: 1, k: 1 })).toMatchObject({ drivers: [{ id: 'later' }] });
    const posted = await fetch(`${server.url}/v1/locations?ack=durable`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ id: 'x', lat: 0, lon: 0 }]),
    });
    expect(posted.status).toBe(507);
    expect(await readyz()).toMatchObject({ status: 'ready', storage: 'full' });
    expect(await metric('raziel_storage_state{state="full"}')).toBe(1);
    expect(await metric('raziel_storage_commit_failures_total')).toBeGreaterThan(0);
    limit('unlimited');
    // It need not be told again what it could not store.
    expect(await client.ask({ op: 'locations', ack: 'durable', batch: [] })).toMatchObject({ accepted: 0 });
    expect(await readyz()).toMatchObject({ status: 'ready', storage: 'ok' });
    server.process.kill('SIGKILL');
    await server.exited;
    const data = /data directory ([^ ]+) is open/.exec(server.log())?.[1] as string;
    const second = await boot(data);
    const asker = await RawClient.connect(second);
    for (const id of ['d0', 'd999', 'later']) expect(await asker.ask({ op: 'driver', id })).toMatchObject({ id });
  },
);

test.runIf(has('strace'))(
  'the sync of a commit comes before its acknowledgement, by the system calls',
  { timeout: 120_000 },
  async () => {
    const data = dataDirectory();
    const server = await boot(data);
    const client = await RawClient.connect(server);
    const trace = join(data, 'trace');
    const strace = spawn('strace', [
      '-f',
      '-tt',
      '-e',
      'trace=fdatasync,fsync,msync,pwrite64,pwritev,write,writev,sendto,sendmsg',
      '-s',
      '200',
      '-o',
      trace,
      '-p',
      String(server.process.pid),
    ]);
    let said = '';
    await new Promise<void>((resolve, reject) => {
      strace.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('attached')) resolve();
      });
      strace.once('exit', () => reject(new Error(`strace cannot trace the server: ${said}`)));
    });
    const marks = Array.from({ length: 10 }, (_, i) => `acknowledged-${i}-`);
    for (const mark of marks) {
      await client.ask({
        op: 'locations',
        ref: mark,
        ack: 'durable',
        batch: [{ id: `stored-${mark}`, lat: 1, lon: 1, ttl: 600 }],
      });
    }
    strace.kill('SIGINT');
    await new Promise((resolve) => strace.once('exit', resolve));
    const lines = readFileSync(trace, 'latin1').split('\n');
    const at = (from: number, matches: (line: string) => boolean): number =>
      lines.findIndex((line, i) => i >= from && matches(line));
    let from = 0;
    for (const mark of marks) {
      const acknowledged = at(
        from,
        (line) => line.includes(mark) && /send(to|msg)|write/.test(line) && !line.includes('pwrite'),
      );
      const synced = at(from, (line) => /fdatasync\(\d+\)\s+= 0|fdatasync resumed.*= 0/.test(line));
      const meta = at(synced, (line) => /pwrite64\(.*= \d+/.test(line) || /pwrite64 resumed.*= \d+/.test(line));
      expect({
        mark,
        acknowledged: acknowledged > 0,
        synced: synced > 0 && synced < acknowledged,
        meta: meta > synced && meta < acknowledged,
      }).toEqual({
        mark,
        acknowledged: true,
        synced: true,
        meta: true,
      });
      from = acknowledged;
    }
  },
);
