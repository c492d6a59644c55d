// What a suite of benchmarks is.

import type { Report } from './report.ts';

export interface RunOptions {
  /** Shorter runs, for CI: they show that everything works, and no more. */
  readonly quick: boolean;
  readonly seed: number;
  /**
   * Keep the load driver from sleeping in pipelined runs. A sleeping one is woken up by the server's kernel, at the server's expense: up to a
   * tenth of what a nearest query costs on a virtual machine.
   */
  readonly awakeDriver: boolean;
  /** Flags for the Node that runs the server, such as --cpu-prof. */
  readonly serverFlags: readonly string[];
  /** A directory for the data of servers that store; the system's for temporary files when undefined. */
  readonly data?: string | undefined;
}

export interface Suite {
  readonly name: string;
  /** One line for the help. */
  readonly description: string;
  /** Measures, and adds its metrics to the report. @throws Error when something does not work */
  run(options: RunOptions, report: Report): Promise<void>;
}
