// What a suite of benchmarks is.

import type { Report } from './report.ts';

export interface RunOptions {
  /** Shorter runs, for CI: they show that everything works, and no more. */
  readonly quick: boolean;
  readonly seed: number;
  /** Flags for the Node that runs the server, such as --cpu-prof. */
  readonly serverFlags: readonly string[];
}

export interface Suite {
  readonly name: string;
  /** One line for the help. */
  readonly description: string;
  /** Measures, and adds its metrics to the report. @throws Error when something does not work */
  run(options: RunOptions, report: Report): Promise<void>;
}
