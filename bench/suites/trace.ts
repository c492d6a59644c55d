// What tracing costs.

import type { Suite } from '../lib/suite.ts';
import { measureTraceOverhead } from '../lib/trace-overhead.ts';

export const traceSuite: Suite = {
  name: 'trace',
  description: 'nearest a second with one request in a hundred recorded, over those with none',
  run: measureTraceOverhead,
};
