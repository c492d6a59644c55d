// How good the default's travel times are, against real traces (docs/eta.md). It learns with the code that serves, from nothing but fixes.

import { seededRandom } from '#dist/demo/random.js';
import type { Suite } from '../lib/suite.ts';
import { readCabs, stretchesOf, type Stretches } from '../micro/eta/cabs.ts';
import { type ErrorsByKind, learnFrom, measureFold, ratioOf } from '../micro/eta/errors.ts';

const FOLDS = 5;

export const etaSuite: Suite = {
  name: 'eta',
  description: 'error of the learned travel times against a day of real taxis, where ../shared/data has it',
  async run({ quick, seed }, report) {
    const data = readCabs();
    if (data === undefined) {
      report.note('eta: SKIPPED, there is no ../shared/data/sf_cabspotting; nothing was measured');
      return;
    }
    const random = seededRandom(seed);
    const folds = Array.from({ length: data.cabs }, () => Math.floor(random() * FOLDS));
    const stretches = stretchesOf(data.fixes, random);
    const errors: ErrorsByKind = { rides: [], tails: [], pieces: [] };
    for (let fold = 0; fold < (quick ? 1 : FOLDS); fold++) {
      report.note(`eta: learning without the cabs of fold ${fold + 1} of ${FOLDS}`);
      const traffic = learnFrom(
        data.fixes.filter(({ cab }) => folds[cab] !== fold),
        seededRandom(seed + fold),
      );
      const training = only(stretches, (cab) => folds[cab] !== fold);
      const test = only(stretches, (cab) => folds[cab] === fold);
      measureFold(traffic, training, test, errors);
    }
    const draws = quick ? 100 : 1_000;
    for (const [kind, name] of [
      ['rides', 'eta.error'],
      ['tails', 'eta.error.driving'],
      ['pieces', 'eta.error.passing'],
    ] as const) {
      const { ratio, low, high, learned, constant } = ratioOf(errors[kind], draws, random);
      report.add({ metric: `${name}.ratio`, value: ratio, unit: 'ratio', possible: [0.01, 2] });
      report.add({ metric: `${name}.ratio.low`, value: low, unit: 'ratio', possible: [0.01, 2] });
      report.add({ metric: `${name}.ratio.high`, value: high, unit: 'ratio', possible: [0.01, 2] });
      report.add({ metric: `${name}.learned`, value: learned, unit: 's' });
      report.add({ metric: `${name}.constant`, value: constant, unit: 's' });
      report.add({ metric: `${name}.stretches`, value: errors[kind].length, unit: 'count', possible: [100, 1e6] });
    }
  },
};

function only({ rides, tails, pieces }: Stretches, isIn: (cab: number) => boolean): Stretches {
  const of = (list: Stretches['rides']): Stretches['rides'] => list.filter(({ cab }) => isIn(cab));
  return { rides: of(rides), tails: of(tails), pieces: of(pieces) };
}
