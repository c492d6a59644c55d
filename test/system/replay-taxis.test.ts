// The main job on real input: a day of San Francisco taxis, replayed through the command line into a booted server while nearest
// queries around the city are answered, and compared with what a plain script makes of the file (nothing of src/replay in it).

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { connect, type DriverAnswer, type RazielClient } from '../../src/client/index.ts';
import { Cli, type Ended, serve } from './cli-process.ts';

const FILE = fileURLToPath(new URL('../../../shared/data/sf_cabspotting/dev_2008-05-21_wed.csv.gz', import.meta.url));
const isThere = existsSync(FILE);
if (!isThere) {
  console.warn(`SKIPPED: the day of San Francisco taxis is not replayed, because ${FILE} is not there`);
}

interface Cab {
  lat: number;
  lon: number;
  seconds: number;
  isFree: boolean;
}

/** What a plain script computes: of each cab its newest line, the later one at equal times. */
function plainly(): { lines: number; cabs: Map<string, Cab>; lastSeconds: number } {
  const [header, ...rows] = gunzipSync(readFileSync(FILE)).toString('utf8').trimEnd().split('\n');
  expect(header).toBe('cab_id,lat,lon,occupied,unix_ts');
  const cabs = new Map<string, Cab>();
  let lastSeconds = 0;
  for (const row of rows) {
    const [id = '', lat, lon, occupied, time] = row.split(',');
    const seconds = Number(time);
    lastSeconds = Math.max(lastSeconds, seconds);
    const held = cabs.get(id);
    if (held !== undefined && held.seconds > seconds) continue;
    cabs.set(id, { lat: Number(lat), lon: Number(lon), seconds, isFree: occupied === '0' });
  }
  return { lines: rows.length, cabs, lastSeconds };
}

/** Asks around the city, one search after the other on each of a few connections, until `over`; how many were answered. */
async function searchAround(url: string, over: Promise<unknown>): Promise<{ answered: number; found: number }> {
  const clients = await Promise.all(Array.from({ length: 4 }, () => connect(url)));
  const end = new AbortController();
  void over.finally(() => end.abort());
  const counts = { answered: 0, found: 0 };
  const ask = async (client: RazielClient, lane: number): Promise<void> => {
    for (let n = lane; !end.signal.aborted; n += clients.length) {
      // A walk over the city's rectangle that needs no randomness: the golden ratio's fractions are spread evenly.
      const lat = 37.7 + ((n * 0.618_034) % 1) * 0.11;
      const lon = -122.51 + ((n * 0.381_966 * 7) % 1) * 0.14;
      const { drivers } = await client.nearest({ lat, lon, k: 10, radius: 3_000, tags: n % 2 === 0 ? ['free'] : [] });
      counts.answered += 1;
      counts.found += drivers.length;
      const distances = drivers.map(({ distance }) => distance ?? Number.NaN);
      expect(distances).toEqual([...distances].sort((a, b) => a - b));
      expect(new Set(drivers.map(({ id }) => id)).size).toBe(drivers.length);
      if (n % 2 === 0) for (const { tags } of drivers) expect(tags).toEqual(['free']);
    }
  };
  await Promise.all(clients.map(ask));
  await Promise.all(clients.map((client) => client.close()));
  return counts;
}

describe.skipIf(!isThere)('a day of San Francisco taxis at --speed max', () => {
  it('loses no fix, answers searches meanwhile, and ends with each cab where a plain script has it', async () => {
    const { lines, cabs, lastSeconds } = plainly();
    const server = await serve();
    const beforeMs = Date.now();
    const args = ['--speed', 'max', '--tag-when', 'occupied=0:free', '--json', '--url', server.url];
    const replay = new Cli(['replay', FILE, ...args]);
    const [ended, searches] = await Promise.all([replay.ended, searchAround(server.url, replay.ended)]);
    const afterMs = Date.now();
    checkCounts(ended, lines);
    expect(searches.answered).toBeGreaterThan(100);
    expect(searches.found).toBeGreaterThan(100);

    const client = await connect(server.url);
    const held = await Promise.all([...cabs.keys()].map((id) => client.driver(id)));
    const shiftMs = (held[0] as DriverAnswer).time - ([...cabs.values()][0] as Cab).seconds * 1000;
    // The last fix of the file is at the moment when the replay began.
    expect(shiftMs + lastSeconds * 1000).toBeGreaterThanOrEqual(beforeMs);
    expect(shiftMs + lastSeconds * 1000).toBeLessThanOrEqual(afterMs);
    const states = held.map((fix) => fix && [fix.id, fix.lat, fix.lon, fix.time, fix.tags ?? []]);
    const expected = Array.from(cabs, ([id, { lat, lon, seconds, isFree }]) => {
      const tags = isFree ? ['free'] : [];
      return [id, lat, lon, seconds * 1000 + shiftMs, tags];
    });
    expect(states).toEqual(expected);
    await client.close();
    expect((await server.stop()).code).toBe(0);
  }, 120_000);
});

function checkCounts({ code, stdout, stderr }: Ended, lines: number): void {
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const summary = JSON.parse(stdout) as Record<string, number>;
  const { accepted = 0, stale = 0, duplicate = 0, rejected = 0 } = summary;
  expect(accepted + stale + duplicate + rejected).toBe(lines);
  expect(summary).toMatchObject({ lines, sent: lines, broken: 0, unanswered: 0, passes: 1 });
}
