import { describe, expect, it } from 'vitest';
import { CITIES, type City, cityAround, cityByName } from '../../../src/demo/cities.ts';
import { Fleet } from '../../../src/demo/fleet.ts';

const SF = cityByName('San Francisco');
const fleetOf = (seed: number, drivers = 200, city: City = SF): Fleet => new Fleet({ city, drivers, seed });

/** Metres, good enough for a city. */
function metersBetween(a: readonly unknown[], b: readonly unknown[], lat: number): number {
  const north = ((b[1] as number) - (a[1] as number)) * 111_195;
  let lon = (b[2] as number) - (a[2] as number);
  if (lon > 180) lon -= 360;
  if (lon < -180) lon += 360;
  return Math.hypot(north, lon * 111_195 * Math.cos((lat * Math.PI) / 180));
}

const after = (seed: number): unknown => {
  const fleet = fleetOf(seed);
  for (let i = 0; i < 50; i += 1) fleet.step();
  return fleet.fixes(1);
};

describe('Fleet', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(after(7)).toEqual(after(7));
    expect(after(7)).not.toEqual(after(8));
  });

  it('moves no driver farther in a second than the fastest street allows, and no driver stands for ever', () => {
    const fleet = fleetOf(1);
    const begin = fleet.fixes(0);
    let before = begin;
    const moved = new Set<unknown>();
    for (let second = 1; second <= 120; second += 1) {
      fleet.step();
      const now = fleet.fixes(0);
      now.forEach((fix, i) => {
        const meters = metersBetween(before[i] as readonly unknown[], fix, SF.lat);
        expect(meters).toBeLessThan(16.5);
        if (meters > 0.5) moved.add(fix[0]);
      });
      before = now;
    }
    expect(moved.size).toBe(fleet.size);
  });

  it('heads where it drives', () => {
    const fleet = fleetOf(2);
    for (let i = 0; i < 30; i += 1) fleet.step();
    const before = fleet.fixes(0);
    fleet.step();
    let compared = 0;
    fleet.fixes(0).forEach((fix, i) => {
      const from = before[i] as readonly unknown[];
      // The same heading before and after: no crossing in between.
      if (from[4] !== fix[4] || metersBetween(from, fix, SF.lat) < 5) return;
      const north = fix[1] - (from[1] as number);
      const east = (fix[2] - (from[2] as number)) * Math.cos((SF.lat * Math.PI) / 180);
      const bearing = ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360;
      const off = Math.abs(bearing - (fix[4] as number));
      expect(Math.min(off, 360 - off)).toBeLessThan(3);
      compared += 1;
    });
    expect(compared).toBeGreaterThan(50);
  });

  it('stays in the city for an hour and keeps about a third of it free', () => {
    const fleet = fleetOf(3, 300);
    for (let second = 0; second < 3600; second += 1) fleet.step();
    const middle = ['', SF.lat, SF.lon];
    const fixes = fleet.fixes(0);
    for (const fix of fixes) expect(metersBetween(middle, fix, SF.lat)).toBeLessThan(SF.radiusMeters + 500);
    const free = fixes.filter((fix) => fix[7]?.includes('free')).length;
    expect(free).toBeGreaterThan(60);
    expect(free).toBeLessThan(160);
    for (const fix of fixes) expect(fix[7]?.includes('free')).not.toBe(fix[7]?.includes('busy'));
    expect(fixes.some((fix) => fix[7]?.includes('xl'))).toBe(true);
  });

  it('gives fixes that a server takes, on the antimeridian too', () => {
    const fleet = fleetOf(4, 500, cityAround('-16.8,179.99'));
    for (let second = 0; second < 100; second += 1) fleet.step();
    const fixes = fleet.fixes(1_700_000_000_000);
    for (const [id, lat, lon, , heading, speed] of fixes) {
      expect(id).toMatch(/^cab-\d{4}$/);
      expect(Math.abs(lat)).toBeLessThanOrEqual(90);
      expect(Math.abs(lon)).toBeLessThanOrEqual(180);
      expect(heading).toBeGreaterThanOrEqual(0);
      expect(heading).toBeLessThan(360);
      expect(speed).toBeGreaterThanOrEqual(0);
    }
    expect(fixes.some(([, , lon]) => lon < 0) && fixes.some(([, , lon]) => lon > 0)).toBe(true);
  });

  it('drives and reports each driver once when it goes slot by slot', () => {
    const fleet = fleetOf(5, 25);
    const ids = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((slot) => fleet.fixes(0, slot, 10).map(([id]) => id));
    expect(ids.sort()).toEqual(fleet.fixes(0).map(([id]) => id));
    const one = fleet.fix(3, 0);
    fleet.step(2, 10);
    expect(fleet.fix(3, 0)).toEqual(one);
  });
});

describe('cities', () => {
  it('are found by name, or made around a point', () => {
    expect(cityByName('tokyo')).toBe(CITIES.tokyo);
    expect(cityAround('-33.8, 151.2')).toMatchObject({ lat: -33.8, lon: 151.2 });
  });

  it.each([['atlantis'], ['']])('refuse the name %j', (name) => {
    expect(() => cityByName(name)).toThrow(/there are san-francisco/);
  });

  it.each([['1'], ['1,2,3'], ['a,b'], [','], ['89,0'], ['0,181']])('refuse the center %j', (center) => {
    expect(() => cityAround(center)).toThrow();
  });
});
