// Ways of drivers, cut into journeys.

import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../src/demo/random.ts';
import { JourneyTracker, type Sighting } from '../../../src/eta/journeys.ts';
import type { Journey } from '../../../src/eta/learner.ts';
import { ETA_DRIVERS_FOLLOWED } from '../../../src/limits.ts';

const START_MS = Date.UTC(2026, 10, 23, 12);
/** A degree of latitude is 111,195 m. */
const DEGREES = 1 / 111_195;

interface Leg {
  readonly seconds: number;
  /** North. */
  readonly speed: number;
  readonly isIdle: boolean;
}

/** Sightings every 10 s of a driver that goes north in legs. */
function drive(legs: readonly Leg[], startMs = START_MS): Sighting[] {
  const sightings: Sighting[] = [];
  let meters = 0;
  let seconds = 0;
  for (const leg of legs) {
    for (let end = seconds + leg.seconds; seconds < end; seconds += 10) {
      const motion = { heading: Number.NaN, speed: Number.NaN };
      const at = { lat: 37 + meters * DEGREES, lon: -122, timeMs: startMs + 1000 * seconds };
      sightings.push({ driver: 1, ...at, ...motion, isIdle: leg.isIdle });
      meters += 10 * leg.speed;
    }
  }
  return sightings;
}

function journeysOf(sightings: readonly Sighting[]): Journey[] {
  const journeys: Journey[] = [];
  const tracker = new JourneyTracker(seededRandom(5), (journey) => journeys.push(journey));
  for (const sighting of sightings) tracker.see(sighting);
  tracker.forgetSilent(Number.POSITIVE_INFINITY);
  return journeys;
}

const RIDE: Leg = { seconds: 300, speed: 10, isIdle: false };
const IDLE: Leg = { seconds: 120, speed: 0, isIdle: true };

describe('a ride', () => {
  test('from the idle tag to the idle tag is one journey, from standing to a stop, and stretches of it', () => {
    const journeys = journeysOf(drive([IDLE, RIDE, IDLE]));
    const [whole, ...stretches] = journeys;
    expect(whole).toMatchObject({ speed: 0, passes: false, timeMs: START_MS + 120_000, seconds: 290 });
    expect(whole?.distance).toBeCloseTo(2_900, 0);
    expect(stretches.length).toBeGreaterThan(0);
    for (const { distance, seconds } of stretches) expect(distance / seconds).toBeCloseTo(10, 3);
    expect(stretches.some(({ passes }) => passes)).toBe(true);
    expect(stretches.some(({ passes }) => !passes)).toBe(true);
  });

  test('knows speed and heading of a stretch from the steps, but not always', () => {
    const rides = Array.from({ length: 20 }, () => [IDLE, RIDE]).flat();
    const inner = journeysOf(drive(rides)).filter(({ speed }) => speed !== 0);
    const known = inner.filter(({ heading }) => !Number.isNaN(heading));
    expect(known.length).toBeGreaterThan(0.3 * inner.length);
    expect(known.length).toBeLessThan(0.7 * inner.length);
    for (const { heading, speed } of known) {
      expect(heading).toBe(0);
      expect(speed).toBeCloseTo(10, 3);
    }
  });

  test('of an idle driver teaches nothing', () => {
    expect(journeysOf(drive([{ ...RIDE, isIdle: true }]))).toEqual([]);
  });

  test('too short to tell anything teaches nothing', () => {
    expect(journeysOf(drive([IDLE, { ...RIDE, seconds: 20 }, IDLE]))).toEqual([]);
  });
});

describe('a driver without idle tags', () => {
  test('begins a journey when it drives off and ends it when it stands for long', () => {
    const standing: Leg = { seconds: 900, speed: 0, isIdle: false };
    const journeys = journeysOf(drive([standing, RIDE, standing]));
    const whole = journeys.find(({ speed }) => speed === 0);
    expect(whole?.passes).toBe(false);
    expect(whole?.distance).toBeGreaterThan(2_800);
    expect(whole?.seconds).toBeGreaterThan(270);
    expect(whole?.seconds).toBeLessThan(320);
  });

  test('that waits at a light is still on its way', () => {
    const light: Leg = { seconds: 100, speed: 0, isIdle: false };
    const [whole] = journeysOf(drive([IDLE, RIDE, light, RIDE, IDLE]));
    expect(whole?.seconds).toBe(690);
  });
});

describe('a way', () => {
  test('ends where nothing was heard for long, as a way that went on', () => {
    const journeys = journeysOf([...drive([RIDE]), ...drive([RIDE], START_MS + 3_600_000)]);
    expect(journeys.length).toBeGreaterThan(0);
    for (const { seconds } of journeys) expect(seconds).toBeLessThanOrEqual(300);
    expect(journeys.filter(({ passes }) => !passes)).toEqual([]);
  });

  test('with a jump in it is two', () => {
    const sightings = drive([RIDE]);
    for (const sighting of sightings.slice(15)) Object.assign(sighting, { lat: sighting.lat + 0.1 });
    for (const { distance } of journeysOf(sightings)) expect(distance).toBeLessThan(1_500);
  });

  test('that never ends takes a bounded number of points, and sightings that are not newer are passed over', () => {
    const sightings = drive([IDLE, { ...RIDE, speed: 1, seconds: 15_000 }, IDLE]);
    const [whole] = journeysOf(sightings.flatMap((sighting) => [sighting, { ...sighting, lat: 0 }]));
    expect(whole?.seconds).toBe(14_990);
  });
});

test('no more drivers are followed than the limit says, and those that fell silent make room', () => {
  const tracker = new JourneyTracker(seededRandom(1), () => {});
  const [first] = drive([RIDE]);
  for (let driver = 0; driver < ETA_DRIVERS_FOLLOWED + 10; driver++) tracker.see({ ...(first as Sighting), driver });
  expect(tracker.drivers).toBe(ETA_DRIVERS_FOLLOWED);
  tracker.forgetSilent(START_MS + 600_000);
  expect(tracker.drivers).toBe(0);
});
