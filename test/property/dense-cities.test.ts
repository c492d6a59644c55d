// Cities as dense as real ones: thousands of drivers about hot spots, so that the tree has many leaves and a search begins with a guess at how near the
// nearest are. Small random worlds (engines.test.ts) never come to that.
//
//   RAZIEL_PROPERTY_SEED=$RANDOM npx vitest run test/property/dense-cities.test.ts

import { describe, test } from 'vitest';
import { seededRandom } from '../../src/demo/random.ts';
import { checkAnswer } from '../support/compare.ts';
import { OPTIONS, REAL_ENGINES, reportMissingNative, World } from '../support/engines.ts';
import { openOracle } from '../support/oracle.ts';

const SEED = Number(process.env['RAZIEL_PROPERTY_SEED'] ?? 77_669_839);
const DRIVERS = 2_000;
const QUERIES = 150;
const HOT_SPOTS = 12;
/** Cars of one kind each, of which the last is rare. */
const KINDS = ['economy', 'economy', 'economy', 'xl', 'xl', 'van'];
const CITIES = [
  { name: 'at a middle latitude', lat: 37.77, lon: -122.42 },
  { name: 'across the antimeridian', lat: -17, lon: 180 },
  { name: 'near a pole', lat: 84.9, lon: 20 },
];

const wrapLon = (lon: number): number => (lon >= 180 ? lon - 360 : lon < -180 ? lon + 360 : lon);

/** Places in a city of some kilometres: more of them the nearer to a hot spot. */
function city(lat: number, lon: number, random: () => number): () => readonly [lat: number, lon: number] {
  const spots = Array.from({ length: HOT_SPOTS }, () => [random() * 0.1 - 0.05, random() * 0.1 - 0.05] as const);
  return () => {
    const [y, x] = spots[Math.floor(random() * HOT_SPOTS)] as readonly [number, number];
    const spread = 0.1 * random() ** 4;
    return [lat + y + (random() - 0.5) * spread, wrapLon(lon + x + (random() - 0.5) * spread)];
  };
}

describe('searches in dense cities answer as brute force does', () => {
  reportMissingNative();
  for (const [kind, open] of REAL_ENGINES) {
    for (const { name, lat, lon } of CITIES) {
      test(`${kind}, ${name}, seed ${SEED}`, { timeout: 60_000 }, () => {
        const random = seededRandom(SEED);
        const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
        const place = city(lat, lon, random);
        const oracle = openOracle(OPTIONS);
        const expected = new World(oracle);
        const world = new World(open(OPTIONS));
        try {
          // They come, and drive on twice.
          for (let lap = 0; lap < 3; lap++) {
            const fixes = Array.from({ length: DRIVERS }, (_, i) => {
              const [y, x] = place();
              return { id: `driver:${i}`, lat: y, lon: x, time: world.now, tags: [KINDS[i % KINDS.length]] };
            });
            world.put(...fixes);
            expected.put(...fixes);
            world.now += 1_000;
            expected.now = world.now;
          }
          for (let i = 0; i < QUERIES; i++) {
            const [y, x] = place();
            const k = 1 + Math.floor(40 * random() ** 2);
            const filter = pick([
              {},
              {},
              { tags: [pick(KINDS)] },
              { anyTags: ['xl', 'van'] },
              { notTags: ['economy'] },
            ]);
            const query = {
              kind: 'nearest',
              lat: y,
              lon: x,
              k,
              radiusMeters: pick([300, 5_000, 20_000]),
              ...filter,
            } as const;
            checkAnswer(query, world.search(query), world.now, (wide) => oracle.matches(wide, world.now));
          }
        } finally {
          world.engine.close();
        }
      });
    }
  }
});
