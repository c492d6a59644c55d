// Real data and recorded cases that lie beside the repository on some machines (never in it). Where they are missing, tests say so.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { test } from 'vitest';

const ROOT = new URL('../../../shared/data/', import.meta.url);

const pathOf = (file: string): string => fileURLToPath(new URL(file, ROOT));

/** The text of a file under the shared data, gunzipped when its name ends in .gz; undefined when it is not there. */
export function readShared(file: string): string | undefined {
  const path = pathOf(file);
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** Says loudly that cases were skipped for want of a file. To be called inside a describe. */
export function reportMissingData(...files: readonly string[]): void {
  for (const file of files.filter((name) => !existsSync(pathOf(name)))) {
    const message = `SKIPPED, because the shared data has no ${file}`;
    console.warn(message);
    test.skip(message, () => {});
  }
}
