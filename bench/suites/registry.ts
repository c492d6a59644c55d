// The suites, in the order in which they run when none is named.

import type { Suite } from '../lib/suite.ts';
import { durableSuite } from './durable.ts';
import { engineSuite } from './engine.ts';
import { etaSuite } from './eta.ts';
import { idsSuite } from './ids.ts';
import { mixedSuite } from './mixed.ts';
import { nearestSuite } from './nearest.ts';
import { overloadSuite } from './overload.ts';
import { serveSuite } from './serve.ts';
import { zonesSuite } from './zones.ts';

export const SUITES: readonly Suite[] = [
  engineSuite,
  serveSuite,
  mixedSuite,
  durableSuite,
  overloadSuite,
  zonesSuite,
  etaSuite,
  nearestSuite,
  idsSuite,
];
