// Random worlds, random lives, random searches: every engine gives an answer that the brute-force oracle allows.
//
// The seed is fixed, so that a run can be repeated; a failure prints seed, path and the shrunk scenario. To look further:
//
//   RAZIEL_PROPERTY_RUNS=5000 RAZIEL_PROPERTY_SEED=$RANDOM npx vitest run test/property

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DriverEngine } from '../../src/drivers/engine.ts';
import { checkAnswer } from '../support/compare.ts';
import { OPTIONS, REAL_ENGINES, reportMissingNative, World } from '../support/engines.ts';
import { type Oracle, openOracle } from '../support/oracle.ts';
import { IDS, PlannedFix, type Scenario, scenarios, type Step } from '../support/worlds.ts';

const RUNS = Number(process.env['RAZIEL_PROPERTY_RUNS'] ?? 400);
const SEED = Number(process.env['RAZIEL_PROPERTY_SEED'] ?? 77_669_839);

function play(scenario: Scenario, open: (options: DriverEngine['options']) => DriverEngine): void {
  const options = { ...OPTIONS, driversMax: scenario.driversMax, ttlSecondsDefault: scenario.ttlSecondsDefault };
  const oracle = openOracle(options);
  const expected = new World(oracle);
  const world = new World(open(options));
  try {
    for (const step of scenario.steps) playStep(step, world, expected, oracle);
    for (const id of IDS) expect(world.driver(id)).toEqual(expected.driver(id));
    expect(scanOf(world)).toEqual(scanOf(expected));
    world.sweep();
    expected.sweep();
    const { drivers, tags } = world.engine.stats();
    expect([drivers, tags]).toEqual([expected.engine.stats().drivers, expected.engine.stats().tags]);
  } finally {
    world.engine.close();
  }
}

/** What a scan visits, in an order of its own. */
function scanOf(world: World): string[] {
  const seen = world.scan(13).map(({ lat, lon, tags }) => JSON.stringify([lat, lon, tags]));
  return seen.sort();
}

function playStep(step: Step, world: World, expected: World, oracle: Oracle): void {
  switch (step.kind) {
    case 'batch': {
      const fixes = step.fixes.map((fix) => (fix instanceof PlannedFix ? fix.at(world.now) : fix));
      const [got, wanted] = [world.apply(...fixes), expected.apply(...fixes)];
      expect(got).toEqual(wanted);
      return;
    }
    case 'remove':
      expect(world.remove(step.id)).toBe(expected.remove(step.id));
      return;
    case 'advance':
      world.now += step.ms;
      expected.now += step.ms;
      return;
    case 'sweep':
      world.engine.sweep(world.now);
      return;
    case 'search':
      checkAnswer(step.query, world.search(step.query), world.now, (query) => oracle.matches(query, world.now));
      return;
  }
}

describe('every engine answers as brute force does', () => {
  reportMissingNative();
  for (const [kind, open] of REAL_ENGINES) {
    test(`${kind}, over ${RUNS} random worlds from seed ${SEED}`, { timeout: 20_000 + 100 * RUNS }, () => {
      fc.assert(
        fc.property(scenarios, (scenario) => play(scenario, open)),
        { seed: SEED, numRuns: RUNS },
      );
    });
  }
});
