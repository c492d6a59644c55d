// How a bad value is refused: one sentence that names the field, the rule and the value, in the code of that field.
//
//   throw refusal('BAD_LAT', 'lat', 'must be within -90..90', 123.4);   // "lat must be within -90..90, got 123.4"

import { type ErrorCode, RazielError } from '../errors.ts';

const SHOWN_CHARACTERS_MAX = 60;

/** A value as an error message shows it: JSON, cut to a bounded length; what is absent reads "nothing". */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return shorten(JSON.stringify(value.slice(0, SHOWN_CHARACTERS_MAX + 1)));
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === 'object') return 'a map';
  return String(value);
}

function shorten(text: string): string {
  return text.length <= SHOWN_CHARACTERS_MAX ? text : `${text.slice(0, SHOWN_CHARACTERS_MAX)}…`;
}

export function refusal(code: ErrorCode, field: string, rule: string, value: unknown): RazielError {
  return new RazielError(code, `${field} ${rule}, got ${show(value)}`, { field });
}
