// Turns the text of a query string into the typed fields that the parsers read. Numbers are parsed strictly: decimal, with an
// optional sign and exponent and nothing around them.
//
//   readQueryString('lat=37.7&lon=-122.4&tags=free,xl', [LAT, LON, TAGS]) → { lat: 37.7, lon: -122.4, tags: ['free', 'xl'] }

import { RazielError } from '../errors.ts';
import { rangeOf } from './fields.ts';
import type { Parameter } from './parameters.ts';
import { refusal } from './refusal.ts';

const NUMBER = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * @throws RazielError in the code of a parameter for a value of the wrong form, BAD_REQUEST for an unknown parameter, one given twice, or
 *   text that is not percent-encoded UTF-8.
 */
export function readQueryString(query: string, parameters: readonly Parameter[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  if (query === '') return fields;
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const parameter = parameters.find((candidate) => candidate.name === name);
    if (parameter === undefined) {
      const known = parameters.map((candidate) => candidate.name).join(', ') || 'none';
      throw new RazielError(
        'BAD_REQUEST',
        `unknown parameter ${JSON.stringify(name.slice(0, 64))}; known are: ${known}`,
        {
          field: name.slice(0, 64),
        },
      );
    }
    if (name in fields) {
      throw new RazielError(parameter.code, `${name} is given more than once`, { field: name });
    }
    fields[name] = toValue(decode(equals < 0 ? '' : pair.slice(equals + 1)), parameter);
  }
  return fields;
}

/** `+` is a space, as forms write it. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.includes('+') ? text.replaceAll('+', ' ') : text);
  } catch {
    throw new RazielError('BAD_REQUEST', 'the query string is not percent-encoded UTF-8');
  }
}

function toValue(text: string, parameter: Parameter): unknown {
  switch (parameter.type) {
    case 'number':
    case 'integer':
      return toNumber(text, parameter, `must be ${rangeOf(parameter)}`);
    case 'flag':
      if (text === '1' || text === 'true') return true;
      if (text === '0' || text === 'false') return false;
      throw refusal(parameter.code, parameter.name, 'must be 1, 0, true or false', text);
    case 'tags':
      return text === '' ? [] : text.split(',');
    case 'bbox':
      return text.split(',').map((part) => toNumber(part, parameter, 'must be west,south,east,north in degrees'));
    default:
      return text;
  }
}

function toNumber(text: string, parameter: Parameter, rule: string): number {
  if (!NUMBER.test(text)) throw refusal(parameter.code, parameter.name, rule, text);
  return Number(text);
}
