import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseColumnMap } from '../../../src/replay/columns.ts';
import type { Entry, TrackFix } from '../../../src/replay/entry.ts';
import { LINE_CHARS_MAX, linesOf } from '../../../src/replay/lines.ts';
import { type ReadOptions, readTrack } from '../../../src/replay/read.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../../fixtures/tracks/${name}`, import.meta.url));
const PLAIN: ReadOptions = { map: {}, timeUnit: 'auto', speedUnit: 'mps', tagRules: [] };

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'raziel-tracks-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(path: string, options: Partial<ReadOptions> = {}): Promise<Entry[]> {
  const { entries } = await readTrack(path, 0, { ...PLAIN, ...options });
  const all: Entry[] = [];
  for await (const group of entries) all.push(...group);
  return all;
}

async function readText(name: string, text: string | Buffer, options: Partial<ReadOptions> = {}): Promise<Entry[]> {
  const path = join(folder, name);
  await writeFile(path, text);
  return read(path, options);
}

const fixesOf = (entries: Entry[]): (TrackFix | undefined)[] => entries.map(({ fix }) => fix);
const faultsOf = (entries: Entry[]): [number, string][] =>
  entries.filter(({ fault }) => fault !== undefined).map(({ line, fault }) => [line, fault?.code ?? '']);

const speedOf = async (speedUnit: ReadOptions['speedUnit']): Promise<number | undefined> =>
  (await readText('s.csv', 'id,lat,lon,speed\na,1,2,36\n', { speedUnit }))[0]?.fix?.speed;

const track = (name: string, lat: number): string => `<trk>${name}<trkseg><trkpt lat="${lat}" lon="2"/></trkseg></trk>`;

describe('formats', () => {
  it('reads CSV with columns found by their names and seconds told from milliseconds', async () => {
    const entries = await read(fixture('cars.csv'));
    expect(entries).toHaveLength(120);
    expect(entries[0]).toEqual({
      file: 0,
      line: 2,
      fault: undefined,
      fix: {
        id: 'car-0',
        lat: 64.139455,
        lon: -21.917376,
        timeMs: 1_700_000_000_000,
        heading: 187.1,
        speed: 9.75,
        accuracy: undefined,
        tags: undefined,
        ttl: undefined,
      },
    });
  });

  it('reads the same from CSV, NDJSON and their gzipped twins', async () => {
    const rule = { tagRules: [{ column: 'occupied', value: '0', tag: 'free' }] };
    const csv = await read(fixture('cars.csv'), rule);
    const fixes = fixesOf(csv);
    expect(fixesOf(await read(fixture('cars.csv.gz'), rule))).toEqual(fixes);
    expect(fixesOf(await read(fixture('cars.ndjson')))).toEqual(fixes);
    expect(fixesOf(await read(fixture('cars.ndjson.gz')))).toEqual(fixes);
    expect(new Set(fixes.map((fix) => fix?.tags?.join()))).toEqual(new Set(['free', '']));
  });

  it('reads GPX: the track is the id, speed and course come from extensions, and waypoints do not count', async () => {
    const csv = fixesOf(await read(fixture('cars.csv'))).filter((fix) => fix?.id === 'car-0' || fix?.id === 'car-1');
    const gpx = fixesOf(await read(fixture('cars.gpx')));
    expect(gpx.slice(0, 12)).toEqual(csv.filter((fix) => fix?.id === 'car-0'));
    expect(gpx.slice(12)).toEqual(csv.filter((fix) => fix?.id === 'car-1'));
    expect(fixesOf(await read(fixture('cars.gpx.gz')))).toEqual(gpx);
    expect(new Set(fixesOf(await read(fixture('cars.gpx'), { id: 'me' })).map((fix) => fix?.id))).toEqual(
      new Set(['me']),
    );
  });

  it('names the points of a track without a name after the file, whatever the one before was called', async () => {
    const gpx = `<gpx>${track('<name>one</name>', 1)}${track('', 2)}</gpx>`;
    expect(fixesOf(await readText('rides.gpx', gpx)).map((fix) => [fix?.id, fix?.lat])).toEqual([
      ['one', 1],
      ['rides', 2],
    ]);
  });

  it('tells the format from the content when the name does not, and gzip from the first bytes', async () => {
    expect(await readText('a', 'id,lat,lon\na,1,2\n')).toHaveLength(1);
    expect(await readText('b', '{"id":"a","lat":1,"lon":2}')).toHaveLength(1);
    expect(await readText('c', '<gpx><trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk></gpx>')).toMatchObject([
      { fix: { id: 'c', lat: 1, lon: 2 } },
    ]);
    expect(await readText('d.csv', gzipSync('id,lat,lon\na,1,2\n'))).toHaveLength(1);
  });

  it('takes other separators, a mapping, names for a file without a header, and the file name for an id', async () => {
    expect(await readText('a.csv', 'id;lat;lon\na;1;2\n')).toMatchObject([{ fix: { id: 'a', lat: 1, lon: 2 } }]);
    const map = parseColumnMap('id=who,lat=y,lon=x');
    expect(await readText('b.csv', 'x,y,who\n2,1,"b, c"\n', { map })).toMatchObject([
      { fix: { id: 'b, c', lat: 1, lon: 2 } },
    ]);
    const columns = ['lat', 'lon', 'occupied', 'unix_ts'];
    expect(await readText('new_abc.txt', '1 2 0 1213084687\n', { columns, delimiter: ' ' })).toMatchObject([
      { line: 1, fix: { id: 'new_abc', lat: 1, lon: 2, timeMs: 1_213_084_687_000 } },
    ]);
  });

  it('turns speeds of other units into metres per second', async () => {
    expect(await speedOf('mps')).toBe(36);
    expect(await speedOf('kmh')).toBeCloseTo(10, 9);
    expect(await speedOf('mph')).toBeCloseTo(16.09344, 9);
    expect(await speedOf('knots')).toBeCloseTo(18.52, 9);
  });

  it('splits tags at bars, semicolons and spaces, and adds those of the rules', async () => {
    const tagRules = [
      { column: 'occupied', value: '0', tag: 'free' },
      { column: 'occupied', value: '1', tag: 'busy' },
    ];
    const entries = await readText('t.csv', 'id,lat,lon,tags,occupied\na,1,2,xl|pet,0\nb,1,2,"xl;pet",1\nc,1,2,,2\n', {
      tagRules,
    });
    expect(fixesOf(entries).map((fix) => fix?.tags)).toEqual([['xl', 'pet', 'free'], ['xl', 'pet', 'busy'], []]);
  });
});

describe('what is broken', () => {
  it('names each broken line by its number and goes on with the next', async () => {
    const entries = await read(fixture('broken.csv'));
    expect(faultsOf(entries)).toEqual([
      [4, 'BAD_LAT'],
      [5, 'BAD_LON'],
      [7, 'BAD_TIME'],
      [8, 'BAD_ID'],
      [9, 'BAD_FIX'],
      [10, 'BAD_FIX'],
      [12, 'BAD_SPEED'],
    ]);
    const good = entries.filter(({ fix }) => fix !== undefined).map(({ line, fix }) => [line, fix?.id]);
    expect(good).toEqual([
      [2, 'car-0'],
      [6, 'car-1'],
      [11, 'car-2'],
      [13, 'car-out'],
      [14, 'car, "3"'],
    ]);
  });

  it('finds no entries in an empty file, gzipped or not, or under a header alone', async () => {
    expect(await read(fixture('empty.csv'))).toEqual([]);
    expect(await read(fixture('header-only.csv'))).toEqual([]);
    expect(await readText('empty.csv.gz', gzipSync(''))).toEqual([]);
  });

  it('reads gzip that is cut short up to the cut, and says so in one last fault', async () => {
    const whole = fixesOf(await read(fixture('cars.csv')));
    const entries = await read(fixture('cars-cut.csv.gz'));
    const fault = entries.at(-1)?.fault;
    expect(fault?.code).toBe('BAD_FILE');
    const fixes = fixesOf(entries.slice(0, -1));
    expect(fixes).toEqual(whole.slice(0, fixes.length));
  });

  it('reads GPX that is cut short up to the cut', async () => {
    const entries = await read(fixture('cars-cut.gpx'));
    expect(faultsOf(entries)).toEqual([[expect.any(Number), 'BAD_FILE']]);
    expect(fixesOf(entries.slice(0, -1))).toEqual(
      fixesOf(await read(fixture('cars.gpx'))).slice(0, entries.length - 1),
    );
    expect(entries.length).toBeGreaterThan(2);
  });

  it('takes a line with a column more or less than the header for broken', async () => {
    const text = 'id,lat,lon,time\na,1,2,1000\na,1,2,1000,x\na,1,2\n';
    expect(faultsOf(await readText('x.csv', text))).toEqual([
      [3, 'BAD_FIX'],
      [4, 'BAD_FIX'],
    ]);
  });

  it('is not confused by a byte order mark', async () => {
    const map = parseColumnMap('id=who');
    expect(await readText('m.csv', '\uFEFFwho,lat,lon\na,1,2\n', { map })).toMatchObject([{ fix: { id: 'a' } }]);
    expect(await readText('m.ndjson', '\uFEFF["a",1,2]\n')).toMatchObject([{ line: 1, fix: { id: 'a' } }]);
  });

  it('finds ids and tags that no server takes', async () => {
    const long = 'ä'.repeat(64);
    const tags = Array.from({ length: 33 }, (_, i) => `t${i}`).join(' ');
    const text = `id,lat,lon,tags\n${long},1,2,\n${long}x,1,2,\nb,1,2,${tags}\nc,1,2,${long}\n`;
    expect(faultsOf(await readText('x.csv', text))).toEqual([
      [3, 'BAD_ID'],
      [4, 'BAD_TAGS'],
      [5, 'BAD_TAGS'],
    ]);
  });

  it('names broken lines of NDJSON', async () => {
    const text =
      '{"id":"a","lat":1,"lon":2}\n{oops\n\n17\n{"type":"Feature","geometry":null}\n{"id":"b"}\n["c",1,2]\n["d"]\n';
    expect(faultsOf(await readText('x.ndjson', text))).toEqual([
      [2, 'BAD_FIX'],
      [4, 'BAD_FIX'],
      [5, 'BAD_FIX'],
      [6, 'BAD_FIX'],
      [8, 'BAD_LAT'],
    ]);
  });

  it('refuses CSV whose columns it cannot find, and names the header', async () => {
    await expect(readText('x.csv', 'a,b\n1,2\n')).rejects.toThrow(/x\.csv: no column is known to be lat.*a,b/);
    await expect(readText('y.csv', 'id,lat,lon\na,1,2\n', { map: { id: 'cab' } })).rejects.toThrow(/no column "cab"/);
    await expect(read(join(folder, 'nowhere.csv'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(() => parseColumnMap('lat')).toThrow(/FIELD=COLUMN/);
    expect(() => parseColumnMap('latt=a')).toThrow(/FIELD=COLUMN/);
  });
});

async function lines(pieces: string[]): Promise<[number, string | undefined][]> {
  const all: [number, string | undefined][] = [];
  async function* text(): AsyncGenerator<string> {
    yield* pieces;
  }
  for await (const group of linesOf(text())) group.lines.forEach((line, i) => all.push([group.first + i, line]));
  return all;
}

describe('linesOf', () => {
  it('gives the same lines however the text is cut into pieces', async () => {
    const text = 'one\r\ntwo\n\nfour\r\nfive';
    const whole = await lines([text]);
    expect(whole).toEqual([
      [1, 'one'],
      [2, 'two'],
      [3, ''],
      [4, 'four'],
      [5, 'five'],
    ]);
    for (let at = 0; at <= text.length; at += 1)
      expect(await lines([text.slice(0, at), text.slice(at)])).toEqual(whole);
    expect(await lines([...text])).toEqual(whole);
  });

  it('marks a line that is too long, keeps nothing of it, and goes on behind it', async () => {
    const half = 'x'.repeat(LINE_CHARS_MAX / 2 + 1);
    expect(await lines(['a\n', half, half, half, '\nb\n'])).toEqual([
      [1, 'a'],
      [2, undefined],
      [3, 'b'],
    ]);
    expect(await lines([half, half])).toEqual([[1, undefined]]);
  });
});

it('reads a file much larger than a piece without holding it', async () => {
  const path = join(folder, 'large.csv');
  const out = createWriteStream(path);
  out.write('id,lat,lon,time\n');
  for (let i = 0; i < 100; i += 1) out.write(`cab,1.5,2.5,17000000${i % 90}0\n`.repeat(1000));
  await new Promise((resolve) => out.end(resolve));
  const { entries, bytesRead, bytesTotal } = await readTrack(path, 0, PLAIN);
  let count = 0;
  let largest = 0;
  for await (const group of entries) {
    count += group.length;
    largest = Math.max(largest, group.length);
  }
  expect(count).toBe(100_000);
  expect(largest).toBeLessThan(30_000);
  expect(bytesRead()).toBe(bytesTotal);
});
