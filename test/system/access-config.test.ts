// raziel config as a process: what would hold, and whether a file is right.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bootServer } from '../support/booted-server.ts';
import { run } from './cli-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'raziel-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(name: string, content: object): string {
  const file = join(directory, name);
  writeFileSync(file, JSON.stringify(content));
  return file;
}

test('raziel config prints each setting with its value and source', async () => {
  const file = fileOf('shown.json', { driversMax: 1234, ttl: 5 });
  const { code, stdout } = await run(['config', '--config', file, '--port', '7501'], { RAZIEL_TTL: '6' });
  expect(code).toBe(0);
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/\s{2,}/));
  expect(rows).toContainEqual(['port', '7501', '--port']);
  expect(rows).toContainEqual(['ttl', '6', 'RAZIEL_TTL']);
  expect(rows).toContainEqual(['driversMax', '1234', file]);
  expect(rows).toContainEqual(['batchFixesMax', '10000', 'default']);
});

test('raziel config --json prints one object for each setting', async () => {
  const { code, stdout } = await run(['config', '--json', '--port', '7501']);
  expect(code).toBe(0);
  const objects = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(objects).toContainEqual({ name: 'port', value: 7501, source: 'flag', from: '--port' });
  expect(objects).toContainEqual({ name: 'batchFixesMax', value: 10_000, source: 'default' });
});

test('raziel config --check ends with 0 for a right file and 2 for a wrong one', async () => {
  const right = await run(['config', '--check', fileOf('right.json', { port: 7501 })], { RAZIEL_TTL: 'wrong' });
  expect(right).toMatchObject({ code: 0, stderr: '' });
  const wrong = await run(['config', '--check', fileOf('wrong.json', { prot: 7501, ttl: 'x' })]);
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toContain('did you mean port?');
  expect(wrong.stderr).toContain('ttl');
});

test('a server serves by its configuration file', async () => {
  const server = await bootServer('--config', fileOf('serves.json', { batchFixesMax: 1 }));
  try {
    const body = JSON.stringify([
      ['a', 0, 0],
      ['b', 0, 0],
    ]);
    const answer = await fetch(`${server.url}/v1/locations`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(413);
  } finally {
    await server.stop();
  }
});
