// raziel token: what it prints, what it writes and how, and that servers take what it made.

import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { bootServer } from '../support/booted-server.ts';
import { bearer } from '../support/access.ts';
import { run } from './cli-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'raziel-token-'));
const file = join(directory, 'tokens.json');
beforeEach(() => {
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
});
afterAll(() => rmSync(directory, { recursive: true }));

const entries = () => (JSON.parse(readFileSync(file, 'utf8')) as { tokens: Record<string, unknown>[] }).tokens;

test('makes a token that a server takes, prints it once, and keeps its hash alone', async () => {
  const made = await run(['token', 'reader', '--scopes', 'search', '--file', file]);
  expect(made.code).toBe(0);
  const token = made.stdout.trim();
  expect(token).toMatch(/^raziel_[\w-]{43}$/);
  expect(made.stderr).not.toContain(token);
  expect(readFileSync(file, 'utf8')).not.toContain(token.slice(7));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const server = await bootServer('--auth', file);
  try {
    expect((await fetch(`${server.url}/v1/zones`, { headers: bearer(token) })).status).toBe(200);
  } finally {
    await server.stop();
  }
});

test('adds to the tokens that there are, with prefixes and rates, and takes one out', async () => {
  await run([
    'token',
    'one',
    '--scopes',
    'ingest,search',
    '--id-prefix',
    'a:',
    '--id-prefix',
    'b:',
    '--per-second',
    '5',
    '--file',
    file,
  ]);
  chmodSync(file, 0o640);
  const second = await run(['token', 'two', '--scopes', '', '--json'], { RAZIEL_AUTH: file });
  expect(JSON.parse(second.stdout)).toMatchObject({ name: 'two', scopes: [], file });
  expect(entries()).toMatchObject([
    { name: 'one', scopes: ['ingest', 'search'], idPrefixes: ['a:', 'b:'], perSecond: 5 },
    { name: 'two', scopes: [] },
  ]);
  expect(statSync(file).mode & 0o777).toBe(0o640);
  expect((await run(['token', 'one', '--remove', '--file', file])).code).toBe(0);
  expect(entries()).toMatchObject([{ name: 'two' }]);
  expect((await run(['token', 'one', '--remove', '--file', file])).code).toBe(1);
  expect(readdirSync(directory)).toEqual(['tokens.json']);
});

test('without a file it writes nothing and prints the entry', async () => {
  const { code, stdout, stderr } = await run(['token', 'a', '--scopes', 'search']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^raziel_/);
  expect(stderr).toContain('"sha256":"');
  expect(readdirSync(directory)).toEqual([]);
});

test.each([
  [['a', '--file', file], 2, '--scopes'],
  [['a', '--scopes', 'everything', '--file', file], 2, 'Scopes are'],
  [['a b', '--scopes', 'search', '--file', file], 2, 'name'],
  [['a', '--scopes', 'search', '--per-second', '0', '--file', file], 2, 'within'],
  [['a', '--scopes', 'search', '--id-prefix', 'x'.repeat(129), '--file', file], 2, '128 bytes'],
  [['a', '--scopes', 'search', '--file', join(directory, 'no/such')], 2, 'cannot write'],
])('refuses %j', async (args, exitCode, text) => {
  const { code, stdout, stderr } = await run(['token', ...args]);
  expect([code, stdout]).toEqual([exitCode, '']);
  expect(stderr).toContain(text);
  expect(existsSync(file)).toBe(false);
});

test('a name that is taken, a broken file and one that somebody is changing are left as they are', async () => {
  await run(['token', 'a', '--scopes', 'search', '--file', file]);
  const before = readFileSync(file, 'utf8');
  const again = await run(['token', 'a', '--scopes', 'search', '--file', file]);
  expect([again.code, again.stdout]).toEqual([1, '']);
  writeFileSync(`${file}.new`, '');
  const locked = await run(['token', 'b', '--scopes', 'search', '--file', file]);
  expect([locked.code, locked.stdout]).toEqual([2, '']);
  expect(locked.stderr).toContain('somebody changes the tokens right now');
  rmSync(`${file}.new`);
  expect(readFileSync(file, 'utf8')).toBe(before);
  writeFileSync(file, '{');
  expect((await run(['token', 'b', '--scopes', 'search', '--file', file])).code).toBe(2);
  expect(readFileSync(file, 'utf8')).toBe('{');
});

test('of many that are made at once none is lost', async () => {
  const made = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) => run(['token', name, '--scopes', 'search', '--file', file])),
  );
  const taken = made.filter(({ code }) => code === 0);
  expect(taken.length).toBeGreaterThan(0);
  expect(entries()).toHaveLength(taken.length);
});

test('a server does not start with tokens that it cannot read, nor beyond loopback without any', async () => {
  const missing = await run(['serve', '--memory', '--port', '0', '--auth', file]);
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain('cannot read the tokens');
  const open = await run(['serve', '--memory', '--port', '0', '--host', '0.0.0.0']);
  expect(open.code).toBe(2);
  expect(open.stderr).toContain('--insecure');
});

test('raziel config --check looks into the files of tokens and certificates as well', async () => {
  const config = join(directory, 'raziel.json');
  writeFileSync(config, JSON.stringify({ auth: 'tokens.json', host: '0.0.0.0' }));
  expect((await run(['config', '--check', config])).code).toBe(2);
  await run(['token', 'a', '--scopes', 'search', '--file', file]);
  expect((await run(['config', '--check', config])).code).toBe(0);
  writeFileSync(config, JSON.stringify({ tlsCert: 'tokens.json', tlsKey: 'tokens.json' }));
  const wrong = await run(['config', '--check', config]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('holds no certificate')]);
});
