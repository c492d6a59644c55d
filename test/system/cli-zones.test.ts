// raziel zones: the commands as processes, on a server of their own.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { type Ended, run, serve, type ServeProcess } from './cli-process.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/zones/${name}`, import.meta.url));
const DISTRICTS = fixture('districts.geojson');
const FAULTS = fixture('faults.geojson');

let server: ServeProcess;
let directory: string;
const zones = (...args: string[]): Promise<Ended> => run(['zones', ...args], { RAZIEL_URL: server.url });

beforeAll(async () => {
  server = await serve();
  directory = mkdtempSync(join(tmpdir(), 'raziel-zones-'));
});

afterAll(async () => {
  expect((await server.stop()).code).toBe(0);
  rmSync(directory, { recursive: true });
});

describe('raziel zones', () => {
  test('puts a layer, lists it, gets it, compares a changed copy, and keeps two editors apart', async () => {
    const put = await zones('put', 'districts', DISTRICTS);
    expect(put).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^districts: version 1, 51 zones, 273 vertices/),
    });
    expect((await zones('list')).stdout).toMatch(/^layer +version +zones +vertices\ndistricts +1 +51 +273\n$/);

    const gzipped = join(directory, 'districts.geojson.gz');
    expect(await zones('get', 'districts', gzipped)).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'districts: version 1\n',
    });
    const text = gunzipSync(readFileSync(gzipped)).toString();
    expect((await zones('get', 'districts')).stdout).toBe(`${text}\n`);
    expect((await zones('diff', 'districts', gzipped)).stdout).toBe('');

    const changed = join(directory, 'changed.geojson');
    writeFileSync(changed, text.replace('District 0-0', 'Zero').replace('"id":"arctic"', '"id":"north"'));
    expect((await zones('diff', 'districts', changed)).stdout).toBe('+ north\n- arctic\n~ d0-0\n');
    expect((await zones('put', 'districts', changed, '--if-match', '1')).code).toBe(0);
    const late = await zones('put', 'districts', gzipped, '--if-match', '1');
    expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining('VERSION_CONFLICT') });
    expect((await zones('delete', 'districts', '--if-match', '2')).stdout).toBe('districts: removed, version 3\n');
    expect(await zones('delete', 'districts')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('UNKNOWN_LAYER'),
    });
  });

  test('lists every fault of a file, for people and as JSON, and changes nothing', async () => {
    const { code, stdout, stderr } = await zones('put', 'faults', FAULTS);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('has 10 faults; nothing was changed');
    expect(stderr).toMatch(/^ +2 +0 +0 +0 +SELF_CROSSING +the edge from/m);
    const json = await zones('put', 'faults', FAULTS, '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'BAD_ZONES', more: 0, faults: { length: 10 } } });
    expect((await zones('list', '--json')).stdout).toBe('');
  });

  test('ends with 2 for a file that cannot be read, and with 3 when no server answers', async () => {
    expect((await zones('put', 'a', join(directory, 'nowhere'))).code).toBe(2);
    expect((await zones('put')).code).toBe(2);
    expect((await zones('list', '--url', 'http://127.0.0.1:9')).code).toBe(3);
  });

  test('puts what the client library looks up', async () => {
    await zones('put', 'town', DISTRICTS);
    const client = await connect(server.url);
    const { version, zones: found } = await client.zonesAt({ lat: 64.075, lon: -21.95, layer: 'town' });
    expect(found.map(({ id }) => id)).toEqual(['centre', 'd2-2']);
    const many = await client.zonesAt({
      points: [
        [64.075, -21.95],
        [0, 0],
      ],
      layer: 'town',
    });
    expect(many).toEqual({ version, results: [{ zones: found }, { zones: [] }] });
    await client.locations([
      ['in', 64.075, -21.95],
      ['out', 64.2, -21.95],
    ]);
    const near = { lat: 64.1, lon: -21.95, radius: 100_000 };
    expect((await client.nearest({ ...near, zone: 'town/centre' })).drivers.map(({ id }) => id)).toEqual(['in']);
    expect((await client.within({ zone: 'town/centre' })).drivers.map(({ id }) => id)).toEqual(['in']);
    await client.close();
  });
});
