// What is learned of traffic: from made-up cities whose speeds are known.

import { pack, unpack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../src/demo/random.ts';
import { type Journey, Learner } from '../../../src/eta/learner.ts';
import { allocateTraffic, CIRCUITY, hourOfWeek, Traffic } from '../../../src/eta/traffic.ts';
import { distanceMeters } from '../../../src/geo/distance.ts';

const MONDAY_MS = Date.UTC(2026, 10, 23);
const HOUR_MS = 3_600_000;
const UNKNOWN = Number.NaN;
const SEED = 11;

type Speed = (journey: Omit<Journey, 'seconds'>) => number;

/** Journeys about a place, some 1 to 5 km long, at the speed (as the crow flies) that `speed` says. */
function teach(learner: Learner, count: number, lat: number, lon: number, speed: Speed, hours = [12]): void {
  const random = seededRandom(SEED);
  for (let i = 0; i < count; i++) {
    const fromLat = lat + (random() - 0.5) * 0.03;
    const fromLon = lon + (random() - 0.5) * 0.03;
    const toLat = fromLat + (random() - 0.5) * 0.04;
    const toLon = fromLon + (random() - 0.5) * 0.04;
    const distance = Math.max(1, distanceMeters(fromLat, fromLon, toLat, toLon));
    const timeMs = MONDAY_MS + (hours[i % hours.length] as number) * HOUR_MS;
    const heading = Math.floor(random() * 360);
    const journey = { fromLat, fromLon, toLat, toLon, distance, timeMs, heading, speed: 10, passes: false };
    learner.learn({ ...journey, seconds: distance / speed(journey) });
  }
}

/** The speed as the crow flies of 2 km north to a place. */
function speedTo(traffic: Traffic, lat: number, lon: number, hour = 12, heading = UNKNOWN): number {
  traffic.headFor(lat, lon, MONDAY_MS + hour * HOUR_MS);
  const fromLat = lat - 0.018;
  const distance = distanceMeters(fromLat, lon, lat, lon);
  return distance / traffic.seconds(fromLat, lon, distance, heading, 10);
}

function learned(lessons: (learner: Learner) => void): Traffic {
  const memory = allocateTraffic();
  lessons(new Learner(memory, seededRandom(SEED)));
  return new Traffic(memory);
}

describe('traffic', () => {
  test('that nobody has taught anything answers distance times circuity over the speed it starts from', () => {
    const traffic = new Traffic(allocateTraffic());
    traffic.headFor(0, 0, 0);
    expect(traffic.seconds(0, 0.01, 1_000, UNKNOWN, UNKNOWN)).toBeCloseTo((1_000 * CIRCUITY) / 8, 3);
  });

  test('learns the speed of a city', () => {
    const traffic = learned((learner) => teach(learner, 3_000, 37.77, -122.42, () => 5));
    expect(speedTo(traffic, 37.77, -122.42)).toBeGreaterThan(4.6);
    expect(speedTo(traffic, 37.77, -122.42)).toBeLessThan(5.4);
  });

  test('tells a slow place from a fast one of the same city', () => {
    const traffic = learned((learner) => {
      teach(learner, 4_000, 37.77, -122.42, ({ toLon }) => (toLon < -122.42 ? 3 : 9));
    });
    expect(speedTo(traffic, 37.77, -122.435)).toBeLessThan(0.7 * speedTo(traffic, 37.77, -122.405));
  });

  test('tells the rush hour from the night', () => {
    const rush = hourOfWeek(MONDAY_MS + 8 * HOUR_MS);
    const traffic = learned((learner) => {
      teach(learner, 4_000, 37.77, -122.42, ({ timeMs }) => (hourOfWeek(timeMs) === rush ? 3 : 9), [3, 8]);
    });
    expect(speedTo(traffic, 37.77, -122.42, 8)).toBeLessThan(0.7 * speedTo(traffic, 37.77, -122.42, 3));
  });

  test('knows that one place has its rush in the morning and another in the evening', () => {
    const traffic = learned((learner) => {
      teach(
        learner,
        8_000,
        37.77,
        -122.42,
        ({ timeMs, toLon }) => {
          const isMorning = hourOfWeek(timeMs) === hourOfWeek(MONDAY_MS + 8 * HOUR_MS);
          return isMorning === toLon < -122.42 ? 3 : 9;
        },
        [8, 18],
      );
    });
    expect(speedTo(traffic, 37.77, -122.44, 8)).toBeLessThan(0.8 * speedTo(traffic, 37.77, -122.44, 18));
    expect(speedTo(traffic, 37.77, -122.4, 18)).toBeLessThan(0.8 * speedTo(traffic, 37.77, -122.4, 8));
  });

  test('answers for a cell that it does not know as its area does, and for an area as everywhere does', () => {
    const traffic = learned((learner) => {
      teach(learner, 4_000, 37.77, -122.42, () => 3);
      teach(learner, 4_000, 52.52, 13.4, () => 9);
    });
    // Some kilometres beyond the journeys, within the slow city's area.
    expect(traffic.squares.get(37.82, -122.36)).toBe(0);
    expect(speedTo(traffic, 37.82, -122.36)).toBeLessThan(0.9 * speedTo(traffic, -33.87, 151.2));
    expect(speedTo(traffic, 37.77, -122.42)).toBeLessThan(4);
    expect(speedTo(traffic, 52.52, 13.4)).toBeGreaterThan(7);
    const elsewhere = speedTo(traffic, -33.87, 151.2);
    expect(elsewhere).toBeGreaterThan(speedTo(traffic, 37.77, -122.42));
    expect(elsewhere).toBeLessThan(speedTo(traffic, 52.52, 13.4));
  });

  test('has a driver who goes away farther than one who comes, when that is what journeys showed', () => {
    const traffic = learned((learner) => {
      teach(learner, 4_000, 37.77, -122.42, ({ fromLat, fromLon, toLat, toLon, heading }) => {
        const bearing = (Math.atan2((toLon - fromLon) * 0.79, toLat - fromLat) * 180) / Math.PI;
        const off = Math.abs(((((bearing - heading) % 360) + 540) % 360) - 180);
        return off > 120 ? 4 : 8;
      });
    });
    expect(speedTo(traffic, 37.77, -122.42, 12, 180)).toBeLessThan(0.75 * speedTo(traffic, 37.77, -122.42, 12, 0));
  });

  test('forgets exponentially: what it is like now outweighs what it was like', () => {
    const traffic = learned((learner) => {
      teach(learner, 2_000, 37.77, -122.42, () => 3);
      teach(learner, 70_000, 37.77, -122.42, () => 9);
    });
    expect(speedTo(traffic, 37.77, -122.42)).toBeGreaterThan(8);
  });

  test('sees across the antimeridian', () => {
    const traffic = learned((learner) => teach(learner, 100, -17, 0, () => 5));
    traffic.headFor(-17, -179.99, MONDAY_MS);
    const east = traffic.seconds(-17, 179.99, 2_127, 90, 10);
    const same = traffic.seconds(-17, 179.99, 2_127, 90, 10);
    traffic.headFor(-17, 0.01, MONDAY_MS);
    expect(east).toBe(same);
    expect(east).toBeGreaterThan(0);
    expect(Number.isFinite(traffic.seconds(-17, -0.01, 2_127, 90, 10))).toBe(true);
  });
});

describe('a learner', () => {
  test('knows a bounded number of cells, and goes on learning everywhere else when that is reached', () => {
    const memory = allocateTraffic();
    const learner = new Learner(memory, seededRandom(SEED));
    const random = seededRandom(SEED);
    for (let i = 0; i < 10_000; i++) {
      const lat = (random() - 0.5) * 120;
      const lon = (random() - 0.5) * 360;
      const journey = { fromLat: lat, fromLon: lon, toLat: lat + 0.01, toLon: lon, distance: 1_112, seconds: 222 };
      learner.learn({ ...journey, timeMs: MONDAY_MS, heading: UNKNOWN, speed: 10, passes: false });
    }
    expect(learner.cells).toBe(8_192);
    expect(speedTo(new Traffic(memory), 89, 179)).toBeCloseTo(5, 0);
  });
});

describe('what was learned', () => {
  test('answers the same after it was stored and loaded, and is learned from on', () => {
    const memory = allocateTraffic();
    const learner = new Learner(memory, seededRandom(SEED));
    teach(learner, 3_000, 37.77, -122.42, ({ toLon }) => (toLon < -122.42 ? 3 : 9));
    const bytes = learner.save();
    const copy = allocateTraffic();
    const loaded = new Learner(copy, seededRandom(SEED));
    loaded.load(bytes);
    const [before, after] = [new Traffic(memory), new Traffic(copy)];
    for (const lon of [-122.435, -122.42, -122.405]) {
      expect(speedTo(after, 37.77, lon, 12, 90)).toBe(speedTo(before, 37.77, lon, 12, 90));
    }
    expect(loaded.cells).toBe(learner.cells);
    expect(Buffer.compare(loaded.save(), bytes)).toBe(0);
    teach(loaded, 100, 52.52, 13.4, () => 5);
    expect(loaded.cells).toBeGreaterThan(learner.cells);
  });

  test('is left alone when it is of another version or size', () => {
    const learner = new Learner(allocateTraffic(), seededRandom(SEED));
    teach(learner, 100, 37.77, -122.42, () => 5);
    const saved = unpack(learner.save()) as Record<string, unknown>;
    for (const change of [{ version: 2 }, { magic: 'other' }, { weights: new Uint8Array(8) }]) {
      const loaded = new Learner(allocateTraffic(), seededRandom(SEED));
      loaded.load(pack({ ...saved, ...change }));
      expect(loaded.cells).toBe(0);
    }
  });
});

describe('the hour of the week', () => {
  test('begins on Monday at midnight, UTC, and is whole before 1970 too', () => {
    expect(hourOfWeek(MONDAY_MS)).toBe(0);
    expect(hourOfWeek(MONDAY_MS - 1)).toBe(167);
    expect(hourOfWeek(Date.UTC(1969, 11, 29))).toBe(0);
  });
});
