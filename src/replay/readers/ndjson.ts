// NDJSON: one fix a line, as a map, as a row, or as a GeoJSON Feature with a Point. The names of a map's fields are found as
// those of CSV columns are, so that `{"vehicle_id","latitude","longitude"}` is read too.

import { type ColumnMap, type Field, locateColumns } from '../columns.ts';
import type { Entry } from '../entry.ts';
import { entryOf, type FieldOptions, type RawFields, show } from '../fields.ts';
import { LINE_CHARS_MAX, type LineGroup } from '../lines.ts';

export interface NdjsonOptions extends FieldOptions {
  readonly map: ColumnMap;
  readonly idDefault: string;
}

type JsonMap = Record<string, unknown>;
/** Where the fields are, by the names that a map has; most files have a few kinds of map. */
type Layouts = Map<string, Partial<Record<Field, number>>>;
const LAYOUTS_MAX = 100;

export async function* readNdjson(
  groups: AsyncIterable<LineGroup>,
  file: number,
  options: NdjsonOptions,
): AsyncGenerator<Entry[]> {
  const layouts: Layouts = new Map();
  for await (const { first, lines } of groups) {
    const entries: Entry[] = [];
    for (let i = 0; i < lines.length; i += 1) {
      const line = lines[i];
      if (line === undefined || line.trim() !== '') entries.push(lineEntry(file, first + i, line, layouts, options));
    }
    if (entries.length > 0) yield entries;
  }
}

function lineEntry(
  file: number,
  line: number,
  text: string | undefined,
  layouts: Layouts,
  options: NdjsonOptions,
): Entry {
  const broken = (message: string): Entry => ({ file, line, fix: undefined, fault: { code: 'BAD_FIX', message } });
  if (text === undefined) return broken(`the line is longer than ${LINE_CHARS_MAX} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return broken(`not JSON: ${show(text)}`);
  }
  if (Array.isArray(value)) {
    const [id, lat, lon, time, heading, speed, accuracy, tags, ttl] = value;
    return entryOf(file, line, { id, lat, lon, time, heading, speed, accuracy, tags, ttl }, () => undefined, options);
  }
  if (typeof value !== 'object' || value === null) return broken(`neither a map nor a row: ${show(text)}`);
  const flat = flattened(value as JsonMap);
  if (flat === undefined) return broken(`a Feature without a Point: ${show(text)}`);
  let raw: RawFields;
  try {
    raw = rawOf(flat, layouts, options);
  } catch (error) {
    return broken((error as Error).message);
  }
  return entryOf(file, line, raw, (column) => flat[column], options);
}

/** A Feature's properties with its id and position beside them; any other map as it is; undefined for a Feature of no Point. */
function flattened(map: JsonMap): JsonMap | undefined {
  if (map.type !== 'Feature') return map;
  const { geometry, properties, id } = map as { geometry?: JsonMap; properties?: JsonMap; id?: unknown };
  if (geometry?.type !== 'Point' || !Array.isArray(geometry.coordinates)) return undefined;
  const [lon, lat] = geometry.coordinates as unknown[];
  return { ...properties, ...(id === undefined ? {} : { id }), lat, lon };
}

function rawOf(map: JsonMap, layouts: Layouts, options: NdjsonOptions): RawFields {
  const names = Object.keys(map);
  const key = names.join('\n');
  const at = layouts.get(key) ?? locateColumns(names, options.map);
  if (layouts.size < LAYOUTS_MAX) layouts.set(key, at);
  const value = (field: Field): unknown => (at[field] === undefined ? undefined : map[names[at[field]] as string]);
  return {
    id: value('id') ?? options.idDefault,
    lat: value('lat'),
    lon: value('lon'),
    time: value('time'),
    heading: value('heading'),
    speed: value('speed'),
    accuracy: value('accuracy'),
    tags: value('tags'),
    ttl: value('ttl'),
  };
}
