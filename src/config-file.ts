// The configuration file: one JSON object with settings by their names, each of its own type.
//
//   { "port": 7400, "driversMax": 5000000, "ttl": 90 }
//
// What it does not know it refuses, naming what was probably meant: a misspelt limit that is silently ignored would be found out too late.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Setting, SETTINGS } from './config-settings.ts';

/** Letters that may differ between a name and the one that was meant. */
const SUGGESTION_EDITS_MAX = 3;

/** Settings that cannot be used; the message has all of them. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('; '));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/**
 * Reads a file, before anything is served. Values are of their settings' kinds, but not yet within their ranges; `null` is absent.
 * @throws ConfigError for a file that cannot be read, is no JSON object, or has names or kinds that no setting has
 */
export function readConfigFile(file: string): Record<string, unknown> {
  const object = parse(file);
  const values: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const [name, value] of Object.entries(object)) {
    const setting = SETTINGS.find((candidate) => candidate.name === name);
    if (setting === undefined) {
      faults.push(`${file}: unknown setting ${JSON.stringify(name)}${suggestion(name)}`);
    } else if (value !== null) {
      const kind = wrongKind(setting, value);
      if (kind !== undefined) faults.push(`${file}: ${name} ${JSON.stringify(value)}: must be ${kind}`);
      values[name] = setting.isPath && typeof value === 'string' ? resolve(dirname(file), value) : value;
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return values;
}

function parse(file: string): object {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`cannot read the configuration file: ${(error as Error).message}`]);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConfigError([`${file} is not JSON: ${(error as Error).message}`]);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError([`${file} must be one JSON object of settings, as in {"port": 7400}`]);
  }
  return value;
}

/** Flags and variables are text and are read as numbers and switches; in a file "7400" is no number. */
function wrongKind({ default: value, isWritten }: Setting, given: unknown): string | undefined {
  if (isWritten && typeof given === 'string') return undefined;
  if (typeof value === 'number' && typeof given !== 'number') return 'a number';
  if (typeof value === 'boolean' && typeof given !== 'boolean') return 'true or false';
  return undefined;
}

/** `; did you mean driversMax?` for `drivers-max`, `RAZIEL_DRIVERS_MAX` or `driverMax`; nothing when no name is near. */
function suggestion(unknown: string): string {
  const wanted = plain(unknown.replace(/^RAZIEL_/, ''));
  let nearest: string | undefined;
  let editsLeast = Math.min(SUGGESTION_EDITS_MAX, Math.floor(wanted.length / 2)) + 1;
  for (const { name } of SETTINGS) {
    const edits = editDistance(wanted, plain(name));
    if (edits < editsLeast) {
      nearest = name;
      editsLeast = edits;
    }
  }
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

function plain(name: string): string {
  return name
    .slice(0, 64)
    .replaceAll(/[^a-z0-9]/gi, '')
    .toLowerCase();
}

/** Levenshtein's distance, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
