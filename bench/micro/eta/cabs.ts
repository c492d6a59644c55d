// A day of real taxis, read in place from ../shared/data where it is, and the stretches of it whose time the benchmark has predicted.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { distanceMeters } from '#dist/geo/distance.js';
import { PROJECT_DIR } from '../../lib/paths.ts';

const FILE = join(PROJECT_DIR, '../shared/data/sf_cabspotting/dev_2008-05-21_wed.csv.gz');
const GAP_SECONDS_MAX = 180;
const METERS_MIN = 1_000;
const METERS_MAX = 5_000;
/** A heading needs this much of a step. */
const HEADING_METERS_MIN = 40;

export interface CabFix {
  readonly cab: number;
  readonly lat: number;
  readonly lon: number;
  readonly occupied: boolean;
  readonly seconds: number;
}

/** A stretch of an occupied cab's way. */
export interface Stretch {
  readonly cab: number;
  readonly from: CabFix;
  readonly to: CabFix;
  /** Great-circle. */
  readonly meters: number;
  readonly seconds: number;
  /** At its beginning: 0 where the passenger got in, elsewhere by the step before. Degrees may be NaN. */
  readonly speed: number;
  readonly heading: number;
}

/** By time; cabs are numbered from 0. Undefined where the data is not there. */
export function readCabs(): { readonly fixes: readonly CabFix[]; readonly cabs: number } | undefined {
  if (!existsSync(FILE)) return undefined;
  const lines = gunzipSync(readFileSync(FILE)).toString().trimEnd().split('\n').slice(1);
  const numbers = new Map<string, number>();
  const fixes = lines.map((line): CabFix => {
    const [name = '', lat, lon, occupied, seconds] = line.split(',');
    const cab = numbers.get(name) ?? numbers.size;
    numbers.set(name, cab);
    return { cab, lat: Number(lat), lon: Number(lon), occupied: occupied === '1', seconds: Number(seconds) };
  });
  return { fixes: fixes.sort((a, b) => a.seconds - b.seconds), cabs: numbers.size };
}

export interface Stretches {
  /** From where a passenger got in to where they got out. */
  readonly rides: readonly Stretch[];
  /** From somewhere on a ride to its end. */
  readonly tails: readonly Stretch[];
  /** Rides cut into pieces, one after the other; the cab drives on from their ends. */
  readonly pieces: readonly Stretch[];
}

/** Stretches of 1 to 5 km as the crow flies, of occupied cabs, with no gap over 180 s. `random`: where rides are cut. */
export function stretchesOf(fixes: readonly CabFix[], random: () => number): Stretches {
  const rides: Stretch[] = [];
  const tails: Stretch[] = [];
  const pieces: Stretch[] = [];
  const take = (list: Stretch[], run: readonly CabFix[], from: number, to: number): void => {
    const stretch = stretchOf(run, from, to);
    if (stretch.meters >= METERS_MIN && stretch.meters <= METERS_MAX) list.push(stretch);
  };
  for (const run of runsOf(fixes)) {
    const last = run.length - 1;
    take(rides, run, 0, last);
    if (last >= 2) take(tails, run, 1 + Math.floor(random() * (last - 1)), last);
    for (let from = 0; from < last; ) {
      const meters = METERS_MIN + random() * (METERS_MAX - METERS_MIN);
      let to = from + 1;
      while (to < last && metersBetween(run[from] as CabFix, run[to] as CabFix) < meters) to++;
      if (to === last) break;
      take(pieces, run, from, to);
      from = to;
    }
  }
  return { rides, tails, pieces };
}

/** Fixes of one occupied cab, one after the other. */
function runsOf(fixes: readonly CabFix[]): CabFix[][] {
  const runs: CabFix[][] = [];
  const open = new Map<number, CabFix[]>();
  for (const fix of fixes) {
    const run = open.get(fix.cab);
    const before = run?.at(-1);
    const goesOn = fix.occupied && before !== undefined && fix.seconds - before.seconds <= GAP_SECONDS_MAX;
    if (goesOn) {
      run?.push(fix);
      continue;
    }
    if (run !== undefined) runs.push(run);
    if (fix.occupied) open.set(fix.cab, [fix]);
    else open.delete(fix.cab);
  }
  return [...runs, ...open.values()].filter((run) => run.length > 1);
}

function stretchOf(run: readonly CabFix[], first: number, last: number): Stretch {
  const from = run[first] as CabFix;
  const to = run[last] as CabFix;
  const before = run[first - 1];
  const step = before === undefined ? 0 : metersBetween(before, from);
  return {
    cab: from.cab,
    from,
    to,
    meters: metersBetween(from, to),
    seconds: to.seconds - from.seconds,
    speed: before === undefined ? 0 : step / (from.seconds - before.seconds),
    heading: before === undefined || step < HEADING_METERS_MIN ? Number.NaN : bearingOf(before, from),
  };
}

function metersBetween(a: CabFix, b: CabFix): number {
  return distanceMeters(a.lat, a.lon, b.lat, b.lon);
}

function bearingOf(a: CabFix, b: CabFix): number {
  const radians = Math.PI / 180;
  return (Math.atan2((b.lon - a.lon) * Math.cos(a.lat * radians), b.lat - a.lat) / radians + 360) % 360;
}
