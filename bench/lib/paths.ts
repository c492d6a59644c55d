// Where things are, seen from the compiled benchmark in build/bench.

import { fileURLToPath } from 'node:url';

/** The compiled benchmark's own directory. */
const BUILT = new URL('../', import.meta.url);
const PROJECT = new URL('../../', BUILT);

export const PROJECT_DIR = fileURLToPath(PROJECT);
export const RAZIEL = fileURLToPath(new URL('bin/raziel.mjs', PROJECT));

/** A script of the benchmark, to be run in a process of its own. */
export function benchScript(path: string): string {
  return fileURLToPath(new URL(path, BUILT));
}
