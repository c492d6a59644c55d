// Reads one field of a request body or frame as a typed value, or refuses it in the field's own code. Bodies and frames bring
// typed values, so that a number must be a number; query-string.ts turns the text of a query string into such values first.
//
// `null` counts as absent: many clients cannot leave a field out.

import { RazielError } from '../errors.ts';
import { ID_BYTES_MAX, TAG_BYTES_MAX, TAGS_DISTINCT_MAX } from '../limits.ts';
import type { Parameter } from './parameters.ts';
import { refusal } from './refusal.ts';

/** A decoded map: JSON object or MessagePack map. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Date)
  );
}

export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

type NumberParameter = Parameter & { readonly type: 'number' | 'integer' };

/** A number that must be there. */
export function readNumber(fields: Fields, parameter: NumberParameter): number {
  const value = readOptionalNumber(fields, parameter);
  if (value !== undefined) return value;
  if (typeof parameter.default === 'number') return parameter.default;
  throw new RazielError(parameter.code, `${parameter.name} is required: ${rangeOf(parameter)}`, {
    field: parameter.name,
  });
}

export function readOptionalNumber(fields: Fields, parameter: NumberParameter): number | undefined {
  const value = fields[parameter.name];
  if (value === undefined || value === null) return undefined;
  // Infinity and NaN fail the comparisons or the finiteness that follows.
  if (
    typeof value !== 'number' ||
    !Number.isFinite(value) ||
    !(value >= (parameter.min ?? Number.NEGATIVE_INFINITY)) ||
    !(value <= (parameter.max ?? Number.POSITIVE_INFINITY)) ||
    (parameter.type === 'integer' && !Number.isInteger(value))
  ) {
    throw refusal(parameter.code, parameter.name, `must be ${rangeOf(parameter)}`, value);
  }
  return value;
}

/** `a number within -90..90`, `an integer within 1..1000`, `a number of 0 or more`. */
export function rangeOf(parameter: Parameter): string {
  const noun = parameter.type === 'integer' ? 'an integer' : 'a number';
  if (parameter.min !== undefined && parameter.max !== undefined)
    return `${noun} within ${parameter.min}..${parameter.max}`;
  return parameter.min === undefined ? noun : `${noun} of ${parameter.min} or more`;
}

/** True and false, or 1 and 0. */
export function readFlag(fields: Fields, parameter: Parameter): boolean {
  const value = fields[parameter.name];
  if (value === undefined || value === null) return false;
  if (value === true || value === 1) return true;
  if (value === false || value === 0) return false;
  throw refusal(parameter.code, parameter.name, 'must be true or false', value);
}

/** One of the parameter's words, or its default. */
export function readWord(fields: Fields, parameter: Parameter & { readonly oneOf: readonly string[] }): string {
  const value = fields[parameter.name] ?? parameter.default;
  if (typeof value !== 'string' || !parameter.oneOf.includes(value)) {
    throw refusal(parameter.code, parameter.name, `must be one of ${parameter.oneOf.join(', ')}`, value);
  }
  return value;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** A driver's id: a string of 1 to 128 UTF-8 bytes. */
export function readId(value: unknown): string {
  if (
    typeof value !== 'string' ||
    value.length === 0 ||
    Buffer.byteLength(value) > ID_BYTES_MAX ||
    LONE_SURROGATE.test(value)
  ) {
    throw refusal('BAD_ID', 'id', `must be a string of 1..${ID_BYTES_MAX} UTF-8 bytes`, value);
  }
  return value;
}

/** Tags of a filter, distinct; undefined when absent or empty. */
export function readTags(fields: Fields, parameter: Parameter): readonly string[] | undefined {
  const value = fields[parameter.name];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw refusal(parameter.code, parameter.name, 'must be a list of tags', value);
  if (value.length === 0) return undefined;
  if (value.length > TAGS_DISTINCT_MAX) {
    throw refusal(parameter.code, parameter.name, `must have at most ${TAGS_DISTINCT_MAX} tags`, value);
  }
  for (const tag of value) {
    if (
      typeof tag !== 'string' ||
      tag.length === 0 ||
      tag.includes(',') ||
      Buffer.byteLength(tag) > TAG_BYTES_MAX ||
      LONE_SURROGATE.test(tag)
    ) {
      throw refusal(parameter.code, parameter.name, `must hold tags of 1..${TAG_BYTES_MAX} bytes without a comma`, tag);
    }
  }
  return value.length === 1 ? value : [...new Set<string>(value)];
}

/** Refuses fields that the request does not know: a filter that is silently ignored would give wrong drivers. */
export function refuseUnknown(fields: Fields, known: ReadonlySet<string>, what: string): void {
  for (const name of Object.keys(fields)) {
    if (!known.has(name)) {
      const message = `${what} knows no field ${JSON.stringify(name.slice(0, 64))}; it knows ${[...known].join(', ')}`;
      throw new RazielError('BAD_REQUEST', message, { field: name.slice(0, 64) });
    }
  }
}
