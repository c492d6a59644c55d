// How far off travel times are, against a constant speed along straight lines; cross-validated by cab.

import { JourneyTracker } from '#dist/eta/journeys.js';
import { Learner } from '#dist/eta/learner.js';
import { allocateTraffic, Traffic } from '#dist/eta/traffic.js';
import { median, percentile } from '../../lib/statistics.ts';
import type { CabFix, Stretch, Stretches } from './cabs.ts';

/** Of one stretch, in seconds. */
export interface Errors {
  readonly cab: number;
  readonly learned: number;
  readonly constant: number;
}

export type ErrorsByKind = Readonly<Record<keyof Stretches, Errors[]>>;

/** The default of `raziel serve` as it is after a day of the fixes of all cabs but those of one fold. */
export function learnFrom(fixes: readonly CabFix[], random: () => number): Traffic {
  const memory = allocateTraffic();
  const learner = new Learner(memory, random);
  const tracker = new JourneyTracker(random, (journey) => learner.learn(journey));
  const unknown = { heading: Number.NaN, speed: Number.NaN };
  for (const { cab, lat, lon, occupied, seconds } of fixes) {
    tracker.see({ driver: cab, lat, lon, timeMs: 1000 * seconds, isIdle: !occupied, ...unknown });
  }
  tracker.forgetSilent(Number.POSITIVE_INFINITY);
  return new Traffic(memory);
}

/** Adds the errors of the test's stretches. */
export function measureFold(traffic: Traffic, training: Stretches, test: Stretches, errors: ErrorsByKind): void {
  for (const kind of ['rides', 'tails', 'pieces'] as const) {
    const constant = bestSpeed(training[kind]);
    for (const stretch of test[kind]) {
      const { cab, from, to, meters, seconds, heading, speed } = stretch;
      traffic.headFor(to.lat, to.lon, 1000 * from.seconds, kind === 'pieces');
      const learned = traffic.seconds(from.lat, from.lon, meters, heading, speed);
      errors[kind].push({ cab, learned: Math.abs(seconds - learned), constant: Math.abs(seconds - meters / constant) });
    }
  }
}

/** The one speed along straight lines that has the least median absolute error, m/s, to a twentieth. */
function bestSpeed(stretches: readonly Stretch[]): number {
  let best = { speed: 0, error: Number.POSITIVE_INFINITY };
  const around = (low: number, high: number, step: number): void => {
    for (let speed = low; speed <= high; speed += step) {
      const error = median(stretches.map(({ meters, seconds }) => Math.abs(seconds - meters / speed)));
      if (error < best.error) best = { speed, error };
    }
  };
  around(1, 30, 0.5);
  around(best.speed - 0.5, best.speed + 0.5, 0.05);
  return best.speed;
}

export interface Ratio {
  readonly ratio: number;
  /** Of the 95% interval. */
  readonly low: number;
  readonly high: number;
  /** Medians, seconds. */
  readonly learned: number;
  readonly constant: number;
}

/** The ratio of the median absolute errors, and its bootstrap interval: cabs are drawn with replacement, all stretches of a cab with it. */
export function ratioOf(errors: readonly Errors[], draws: number, random: () => number): Ratio {
  const byCab = [...grouped(errors).values()];
  const ratios = Array.from({ length: draws }, () => {
    return medians(byCab.flatMap(() => byCab[Math.floor(random() * byCab.length)] as Errors[])).ratio;
  }).sort((a, b) => a - b);
  return { ...medians(errors), low: percentile(ratios, 0.025), high: percentile(ratios, 0.975) };
}

function medians(errors: readonly Errors[]) {
  const learned = median(errors.map((error) => error.learned));
  const constant = median(errors.map((error) => error.constant));
  return { ratio: learned / constant, learned, constant };
}

function grouped(errors: readonly Errors[]): Map<number, Errors[]> {
  const byCab = new Map<number, Errors[]>();
  for (const error of errors) {
    const list = byCab.get(error.cab);
    if (list === undefined) byCab.set(error.cab, [error]);
    else list.push(error);
  }
  return byCab;
}
