// A data directory for one test, gone afterwards.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** The path of a directory that is not there yet. */
export function dataDirectory(): string {
  const parent = mkdtempSync(join(tmpdir(), 'raziel-data-'));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, 'data');
}
