import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { Cli, run, type ServeProcess, serve } from './cli-process.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/tracks/${name}`, import.meta.url));
/** A port that nobody listens on: that of tcpmux, which needs a privilege to be taken. */
const NOBODY = '127.0.0.1:2';

let server: ServeProcess;
beforeAll(async () => {
  server = await serve();
});
afterAll(async () => {
  await server.stop();
});

/** Resolves when the driver's fix has become a newer one so many times. */
async function driverMoved(id: string, times: number): Promise<void> {
  const client = await connect(server.url);
  let time = (await client.driver(id))?.time ?? 0;
  for (let seen = 0; seen < times; ) {
    const held = await client.driver(id);
    if (held !== undefined && held.time > time) {
      time = held.time;
      seen += 1;
    }
  }
  await client.close();
}

const summaryOf = (stdout: string): Record<string, any> => JSON.parse(stdout.trim()) as Record<string, any>;

describe('raziel', () => {
  it('shows help with examples for itself and for every command, on standard output, and exits 0', async () => {
    for (const args of [
      [],
      ['serve'],
      ['demo'],
      ['replay'],
      ['nearest'],
      ['traces'],
      ['trace'],
      ['call'],
      ['top'],
      ['version'],
    ]) {
      const { code, stdout, stderr } = await run([...args, '--help']);
      expect([args, code, stderr]).toEqual([args, 0, '']);
      expect(stdout).toContain('Examples:');
    }
  });

  it.each([
    [[], 'Usage'],
    [['bogus'], "unknown command 'bogus'"],
    [['nearest', '1'], "missing required argument 'lon'"],
    [['nearest', '91', '0'], 'within -90..90'],
    [['nearest', '1', '2', '--k', '1.5'], 'whole number'],
    [['nearest', '1', '2', '--url', 'ftp://x'], 'begins with ws:'],
    [['replay'], "missing required argument 'file'"],
    [['replay', 'x', '--speed', '0'], 'over 0'],
    [['replay', 'x', '--tag-when', 'x'], 'COLUMN=VALUE:TAG'],
    [['replay', 'x', '--map', 'x=y'], 'FIELD=COLUMN'],
    [['replay', '/nowhere.csv'], 'ENOENT'],
    [['serve', '--port', '99999'], '--port'],
    [['serve', '--host', '0.0.0.0'], '--insecure'],
    [['demo', '--city', 'atlantis'], 'san-francisco'],
    [['demo', '--center', '89,0'], '-85..85'],
  ])('exits 2 for the wrong command line %j and says what is wrong on standard error', async (args, message) => {
    const { code, stdout, stderr } = await run(args, { RAZIEL_URL: server.url });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });

  it('exits 3 when no server answers', async () => {
    for (const args of [
      ['nearest', '1', '2'],
      ['replay', fixture('cars.csv')],
      ['top', '--once'],
    ]) {
      const { code, stdout, stderr } = await run([...args, '--url', NOBODY]);
      expect([args, code, stdout]).toEqual([args, 3, '']);
      expect(stderr).toContain('ECONNREFUSED');
    }
  });

  it('prints its version', async () => {
    expect((await run(['version'])).stdout).toMatch(/^raziel \d+\.\d+\.\d+ \(Node 2\d/);
    expect(summaryOf((await run(['version', '--json'])).stdout).raziel).toBe((await run(['--version'])).stdout.trim());
  });
});

describe('raziel serve', () => {
  it('says where it listens, and stops cleanly at Ctrl-C and SIGTERM', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const one = new Cli(['serve', '--port', '0', '--log-level', 'warn', '--threads', '1']);
      await one.until(({ stdout }) => stdout.includes('\n'));
      expect(one.stdout).toMatch(/^raziel listens on http:\/\/127\.0\.0\.1:\d+ /);
      one.interrupt(signal);
      expect(await one.ended).toMatchObject({ code: 0, signal: null });
    }
  });

  it('exits 1 when the port is taken', async () => {
    const { code, stderr } = await run([
      'serve',
      '--port',
      String(server.port),
      '--log-level',
      'warn',
      '--threads',
      '1',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(String(server.port));
  });

  it('takes its settings from the environment too, and flags win', async () => {
    const { code, stderr } = await run(['serve', '--port', '0'], { RAZIEL_TTL: 'soon' });
    expect(code).toBe(2);
    expect(stderr).toContain('RAZIEL_TTL "soon"');
  });
});

describe('raziel nearest', () => {
  beforeAll(async () => {
    const client = await connect(server.url);
    await client.locations([
      { id: 'sydney-1', lat: -33.86, lon: 151.2, heading: 270, speed: 8.3, tags: ['free'], ttl: 3600 },
      { id: 'sydney-2', lat: -33.861, lon: 151.2, tags: ['busy'], ttl: 3600 },
      { id: 'lima\u001B[31m', lat: -12.05, lon: -77.04, ttl: 3600 },
    ]);
    await client.close();
  });

  it('prints a table, nearest first, and takes negative coordinates', async () => {
    const { code, stdout, stderr } = await run(['nearest', '-33.86', '151.2', '--url', server.url]);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^id +distance +lat +lon +age +heading +speed +tags$/);
    expect(lines[1]).toMatch(/^sydney-1 +0 m +-33\.860000 +151\.200000 +\d+\.\d s +270° +8\.3 m\/s +free$/);
    expect(lines[2]).toMatch(/^sydney-2 +111 m .* busy$/);
    expect(lines).toHaveLength(3);
    expect(stderr).toContain('2 drivers within 5.00 km');
  });

  it('prints one JSON object a line with --json, and nothing else there', async () => {
    const { stdout } = await run([
      'nearest',
      '-33.86',
      '151.2',
      '--json',
      '--tags',
      'free',
      '--k',
      '5',
      '--url',
      server.url,
    ]);
    expect(summaryOf(stdout)).toMatchObject({ id: 'sydney-1', distance: 0, tags: ['free'] });
    const none = await run(['nearest', '10', '10', '--json'], { RAZIEL_URL: server.url });
    expect(none).toMatchObject({ code: 0, stdout: '' });
    expect(none.stderr).toContain('no drivers');
  });

  it('shows control characters of an id instead of sending them to the terminal', async () => {
    const { stdout } = await run(['nearest', '-12.05', '-77.04', '--url', server.url]);
    expect(stdout).toContain('lima\\u001b[31m');
    expect(stdout).not.toContain('\u001B');
  });

  it('has color only where it may', async () => {
    const args = ['nearest', '1', '2', '--url', server.url];
    expect((await run(args)).stderr).not.toContain('\u001B[');
    expect((await run(args, { FORCE_COLOR: '1' })).stderr).toContain('\u001B[');
    expect((await run(args, { FORCE_COLOR: '1', NO_COLOR: '1' })).stderr).not.toContain('\u001B[');
  });

  it('ends quietly when its reader has enough', async () => {
    const top = new Cli(['top', '--json', '--interval', '0.1', '--url', server.url]);
    await top.until(({ stdout }) => stdout.includes('\n'));
    top.child.stdout?.destroy();
    await once(top.child, 'exit');
    expect(top.child.exitCode).toBe(0);
    expect(top.stderr).toBe('');
  });
});

describe('raziel top', () => {
  it('prints one sample with --once, as a table or as JSON', async () => {
    const table = await run(['top', '--once', '--interval', '0.1', '--url', server.url]);
    expect(table.code).toBe(0);
    expect(table.stdout).toMatch(/^raziel 1?.*\bengine {2}up /);
    expect(table.stdout).toContain('fixes a second:');
    const { stdout } = await run(['top', '--once', '--json', '--interval', '0.1', '--url', server.url]);
    const sample = summaryOf(stdout);
    expect(sample.driversMax).toBeGreaterThan(0);
    expect(sample.residentBytes).toBeGreaterThan(10_000_000);
    expect(sample.ops.map(({ op }: { op: string }) => op)).toContain('nearest');
  });

  it('goes on until Ctrl-C, and exits 0', async () => {
    const top = new Cli(['top', '--json', '--interval', '0.1', '--url', server.url]);
    await top.until((cli) => cli.objects().length >= 2);
    top.interrupt();
    expect((await top.ended).code).toBe(0);
  });
});

describe('raziel replay', () => {
  it('tells every fault by file and line, adds up, and exits 4', async () => {
    const { code, stdout, stderr } = await run([
      'replay',
      fixture('broken.csv'),
      '--speed',
      'max',
      '--json',
      '--url',
      server.url,
    ]);
    expect(code).toBe(4);
    const summary = summaryOf(stdout);
    expect(summary).toMatchObject({
      lines: 12,
      broken: 7,
      sent: 5,
      accepted: 4,
      stale: 0,
      duplicate: 0,
      rejected: 1,
      unanswered: 0,
    });
    expect(summary.brokenByCode).toEqual({ BAD_LAT: 1, BAD_LON: 1, BAD_TIME: 1, BAD_ID: 1, BAD_FIX: 2, BAD_SPEED: 1 });
    expect(summary.rejectedByCode).toEqual({ BAD_LAT: 1 });
    expect(stderr).toMatch(/broken\.csv:4: broken: BAD_LAT lat must be a number, got "not a number"/);
    expect(stderr).toMatch(/broken\.csv:13: rejected: BAD_LAT /);
  });

  it('stops at the first broken line with --strict, and exits 4', async () => {
    const { code, stderr } = await run([
      'replay',
      fixture('broken.csv'),
      '--strict',
      '--speed',
      'max',
      '--url',
      server.url,
    ]);
    expect(code).toBe(4);
    expect(stderr).toContain('broken.csv:4:');
    expect(stderr).not.toContain('broken.csv:5:');
  });

  it('exits 2 when it cannot tell the columns', async () => {
    const map = ['--map', 'id=cab'];
    const { code, stderr } = await run(['replay', fixture('cars.csv'), ...map, '--url', server.url]);
    expect(code).toBe(2);
    expect(stderr).toContain('there is no column "cab"');
  });

  it('sends at the pace asked for: 110 recorded seconds in one, every time moved to now', async () => {
    const beforeMs = Date.now();
    const args = ['--speed', '110', '--ttl', '600', '--tag-when', 'occupied=0:free', '--json'];
    const { code, stdout } = await run(['replay', fixture('cars.csv.gz'), ...args, '--url', server.url]);
    expect(code).toBe(0);
    expect(summaryOf(stdout)).toMatchObject({ lines: 120, sent: 120, accepted: 120, spanSeconds: 110, outOfOrder: 0 });
    expect(summaryOf(stdout).seconds).toBeGreaterThan(0.99);
    const client = await connect(server.url);
    const held = await client.driver('car-9');
    await client.close();
    expect(held?.time).toBeGreaterThanOrEqual(beforeMs + 1000);
    expect(held?.time).toBeLessThanOrEqual(Date.now());
    expect(held).toMatchObject({ ttl: 600, heading: expect.any(Number), speed: expect.any(Number) });
  });

  it('keeps the times of the file when asked to: at max they live for 30 days, and these are older', async () => {
    const args = ['--speed', 'max', '--keep-time', '--json', '--url', server.url];
    const { code, stdout } = await run(['replay', fixture('cars.gpx'), ...args]);
    expect(code).toBe(0);
    expect(summaryOf(stdout)).toMatchObject({ sent: 24, accepted: 0, stale: 24 });
  });

  it('loops until Ctrl-C, and what it says then adds up', async () => {
    const args = ['--loop', '--speed', 'max', '--json', '--url', server.url];
    const loop = new Cli(['replay', fixture('cars.ndjson'), '--map', 'id=id', ...args]);
    // The second pass has the first one's drivers, newer.
    await driverMoved('car-3', 2);
    loop.interrupt();
    const { code, stdout } = await loop.ended;
    expect(code).toBe(0);
    const summary = summaryOf(stdout);
    expect(summary.passes).toBeGreaterThanOrEqual(2);
    expect(summary).toMatchObject({ rejected: 0, broken: 0, unanswered: 0, lines: summary.sent });
    expect(summary.accepted + summary.stale + summary.duplicate).toBe(summary.sent);
  });

  it('is stopped by Ctrl-C in the middle, tells how far it came, and exits 130', async () => {
    const paced = new Cli(['replay', fixture('cars.csv'), '--speed', '2', '--json', '--url', server.url]);
    await driverMoved('car-0', 1);
    paced.interrupt();
    const { code, stdout } = await paced.ended;
    expect(code).toBe(130);
    const summary = summaryOf(stdout);
    expect(summary).toMatchObject({ broken: 0, rejected: 0, unanswered: 0, lines: summary.sent });
    expect(summary.sent).toBeGreaterThan(0);
    expect(summary.sent).toBeLessThan(120);
  });

  it('loses no fix when the server goes away in the middle and comes back', async () => {
    // A port of its own: one that the system chose (port 0) cannot be listened on again for a minute, while old connections linger.
    const first = await serve('--port', '7650');
    const args = ['--speed', '50', '--json', '--url', first.url];
    const feed = new Cli(['replay', fixture('cars.csv'), ...args]);
    const client = await connect(first.url);
    for (let held = await client.driver('car-0'); held === undefined; ) held = await client.driver('car-0');
    await client.close();
    await first.stop();
    await feed.until(({ stderr }) => stderr.includes('the connection ended'));
    const second = await serve('--port', String(first.port));
    const { code, stdout } = await feed.ended;
    await second.stop();
    expect(code).toBe(0);
    const summary = summaryOf(stdout);
    expect(summary).toMatchObject({ lines: 120, sent: 120, rejected: 0, unanswered: 0 });
    expect(summary.accepted + summary.stale + summary.duplicate).toBe(120);
  });
});

describe('raziel demo', () => {
  it('serves a fleet that moves, and tells each second what happened', async () => {
    const demo = new Cli(['demo', '--port', '0', '--drivers', '50', '--seed', '3', '--json', '--threads', '1']);
    await demo.until((cli) => cli.objects().length >= 3);
    const [listening, first] = demo.objects<Record<string, any>>();
    expect(listening).toMatchObject({ event: 'listening', drivers: 50, seed: 3, city: 'San Francisco' });
    expect(first).toMatchObject({ event: 'second', fixes: 50, failed: 0, rejected: 0 });
    const { stdout } = await run([
      'nearest',
      '37.7616',
      '-122.4376',
      '--radius',
      '20000',
      '--k',
      '50',
      '--json',
      '--url',
      listening?.url,
    ]);
    expect(stdout.trim().split('\n')).toHaveLength(50);
    demo.interrupt();
    expect((await demo.ended).code).toBe(0);
  });

  it('ends by itself after --duration', async () => {
    const { code, stdout } = await run([
      'demo',
      '--port',
      '0',
      '--drivers',
      '5',
      '--duration',
      '0.5',
      '--threads',
      '1',
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('raziel nearest 37.7616 -122.4376');
  });
});
