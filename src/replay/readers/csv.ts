// CSV: a header and one record a line. A line without quotes is split as it is, which is most of them and several times quicker;
// csv-parse takes the rest. A record is one line: a quote that is never closed costs its own line, not the rest of the file.

import { parse } from 'csv-parse/sync';
import { RazielError } from '../../errors.ts';
import { type ColumnMap, type Field, locateColumns } from '../columns.ts';
import type { Entry } from '../entry.ts';
import { entryOf, type FieldOptions, type RawFields, show } from '../fields.ts';
import { LINE_CHARS_MAX, type LineGroup } from '../lines.ts';

export interface CsvOptions extends FieldOptions {
  readonly map: ColumnMap;
  /** Names of the columns when the file has no header line. */
  readonly columns?: readonly string[];
  /** One character; when absent the one of `,` `;` tab that the first line has most of. */
  readonly delimiter?: string;
  /** For files without a column of ids. */
  readonly idDefault: string;
}

interface Layout {
  readonly delimiter: string;
  readonly header: readonly string[];
  readonly at: Partial<Record<Field, number>>;
}

/** @throws RazielError BAD_REQUEST when the header does not say where lat and lon are */
export async function* readCsv(
  groups: AsyncIterable<LineGroup>,
  file: number,
  options: CsvOptions,
): AsyncGenerator<Entry[]> {
  let layout = options.columns === undefined ? undefined : layoutOf(options.columns, options.delimiter ?? ',', options);
  for await (const { first, lines } of groups) {
    const entries: Entry[] = [];
    for (let i = 0; i < lines.length; i += 1) {
      const line = lines[i];
      if (line !== undefined && line.trim() === '') continue;
      if (layout === undefined) {
        if (line === undefined) throw new RazielError('BAD_REQUEST', 'the first line is too long for a header of CSV');
        const delimiter = options.delimiter ?? guessDelimiter(line);
        layout = layoutOf(split(line, delimiter) ?? [line], delimiter, options);
      } else {
        entries.push(recordEntry(file, first + i, line, layout, options));
      }
    }
    if (entries.length > 0) yield entries;
  }
}

function layoutOf(header: readonly string[], delimiter: string, options: CsvOptions): Layout {
  return { delimiter, header, at: locateColumns(header, options.map) };
}

function recordEntry(file: number, line: number, text: string | undefined, layout: Layout, options: CsvOptions): Entry {
  const broken = (message: string): Entry => ({ file, line, fix: undefined, fault: { code: 'BAD_FIX', message } });
  if (text === undefined) return broken(`the line is longer than ${LINE_CHARS_MAX} characters`);
  const values = split(text, layout.delimiter);
  if (values === undefined) return broken(`not a record of CSV: ${show(text)}`);
  if (values.length !== layout.header.length) {
    return broken(`has ${values.length} columns where the header has ${layout.header.length}: ${show(text)}`);
  }
  const { at } = layout;
  const raw: RawFields = {
    id: at.id === undefined ? options.idDefault : values[at.id],
    lat: values[at.lat as number],
    lon: values[at.lon as number],
    time: at.time === undefined ? undefined : values[at.time],
    heading: at.heading === undefined ? undefined : values[at.heading],
    speed: at.speed === undefined ? undefined : values[at.speed],
    accuracy: at.accuracy === undefined ? undefined : values[at.accuracy],
    tags: at.tags === undefined ? undefined : values[at.tags],
    ttl: at.ttl === undefined ? undefined : values[at.ttl],
  };
  return entryOf(file, line, raw, (column) => values[layout.header.indexOf(column)], options);
}

function split(line: string, delimiter: string): string[] | undefined {
  if (!line.includes('"')) return line.split(delimiter);
  try {
    const records = parse(line, { delimiter, relax_column_count: true }) as string[][];
    return records.length === 1 ? records[0] : undefined;
  } catch {
    return undefined;
  }
}

function guessDelimiter(header: string): string {
  const count = (delimiter: string): number => header.split(delimiter).length;
  return [',', ';', '\t'].reduce((best, next) => (count(next) > count(best) ? next : best));
}
