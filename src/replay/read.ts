// One file as a stream of entries, its format told by its name or its first characters.

import { basename } from 'node:path';
import { RazielError } from '../errors.ts';
import type { ColumnMap } from './columns.ts';
import { BAD_FILE, type Entry } from './entry.ts';
import type { FieldOptions } from './fields.ts';
import { linesOf } from './lines.ts';
import { openText } from './open.ts';
import { readCsv } from './readers/csv.ts';
import { readGpx } from './readers/gpx.ts';
import { readNdjson } from './readers/ndjson.ts';

export type Format = 'csv' | 'ndjson' | 'gpx';
export const FORMATS: readonly Format[] = ['csv', 'ndjson', 'gpx'];

export interface ReadOptions extends FieldOptions {
  /** Told from the name or the content when absent. */
  readonly format?: Format;
  readonly map: ColumnMap;
  /** Names of the columns of CSV without a header. */
  readonly columns?: readonly string[];
  readonly delimiter?: string;
  /** The id of every fix of a file that has none of its own, and of every point of GPX. */
  readonly id?: string;
}

export interface FileReading {
  readonly entries: AsyncIterable<Entry[]>;
  bytesRead(): number;
  readonly bytesTotal: number;
}

/**
 * Opens one file; `file` is its position in the list, for the entries. What cannot be read on, such as gzip that is cut short,
 * ends the entries with one of code BAD_FILE.
 * @throws the system's error when the file cannot be opened; RazielError BAD_REQUEST, while reading, for a header without lat and lon
 */
export async function readTrack(path: string, file: number, options: ReadOptions): Promise<FileReading> {
  const source = await openText(path);
  return {
    entries: entriesOf(path, file, source.text, options),
    bytesRead: source.bytesRead,
    bytesTotal: source.bytesTotal,
  };
}

async function* entriesOf(
  path: string,
  file: number,
  text: AsyncIterable<string>,
  options: ReadOptions,
): AsyncGenerator<Entry[]> {
  let lastLine = 0;
  try {
    for await (const entries of formatted(path, file, text, options)) {
      lastLine = entries.at(-1)?.line ?? lastLine;
      yield entries;
    }
  } catch (error) {
    if (error instanceof RazielError) throw new RazielError(error.code, `${path}: ${error.message}`);
    const message = `the file cannot be read on behind line ${lastLine}: ${(error as Error).message}`;
    yield [{ file, line: lastLine + 1, fix: undefined, fault: { code: BAD_FILE, message } }];
  }
}

async function* formatted(
  path: string,
  file: number,
  text: AsyncIterable<string>,
  options: ReadOptions,
): AsyncGenerator<Entry[]> {
  const name = basename(path).replace(/\.gz$/i, '');
  const pieces = text[Symbol.asyncIterator]();
  const first = await pieces.next();
  if (first.done === true) return;
  const all = resumed(first.value, pieces);
  const idDefault = options.id ?? name.replace(/\.[a-z0-9]+$/i, '');
  const format = options.format ?? formatOf(name, first.value);
  if (format === 'gpx') yield* readGpx(all, file, { ...options, idDefault });
  else if (format === 'ndjson') yield* readNdjson(linesOf(all), file, { ...options, idDefault });
  else yield* readCsv(linesOf(all), file, { ...options, idDefault });
}

async function* resumed(first: string, rest: AsyncIterator<string>): AsyncGenerator<string> {
  try {
    yield first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    // Closes the file when the reader stops in the middle.
    await rest.return?.();
  }
}

function formatOf(name: string, start: string): Format {
  if (/\.gpx$/i.test(name)) return 'gpx';
  if (/\.(ndjson|jsonl|geojsonl|geojsons)$/i.test(name)) return 'ndjson';
  if (/\.(csv|tsv)$/i.test(name)) return 'csv';
  const [character] = start.trimStart();
  if (character === '<') return 'gpx';
  return character === '{' || character === '[' ? 'ndjson' : 'csv';
}
