// The version of Raziel that runs.

import { readFileSync } from 'node:fs';

/** The version in package.json, which lies a folder up from here, built or not. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
