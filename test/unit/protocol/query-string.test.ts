import { describe, expect, test } from 'vitest';
import { RazielError } from '../../../src/errors.ts';
import { readQueryString } from '../../../src/protocol/query-string.ts';
import { NEAREST_PARAMETERS } from '../../../src/protocol/searches.ts';

const read = (query: string): Record<string, unknown> => readQueryString(query, NEAREST_PARAMETERS);

function codeOf(query: string): string {
  try {
    read(query);
  } catch (error) {
    if (error instanceof RazielError) return error.code;
  }
  return 'nothing';
}

describe('a query string', () => {
  test.each([
    ['lat=1&lon=-2.5', { lat: 1, lon: -2.5 }],
    ['lat=1e1&lon=.5', { lat: 10, lon: 0.5 }],
    ['lat=1.', { lat: 1 }],
    ['tags=free,xl', { tags: ['free', 'xl'] }],
    ['tags=caf%C3%A9+noir', { tags: ['café noir'] }],
    ['tags=', { tags: [] }],
    ['explain=1', { explain: true }],
    ['explain=false', { explain: false }],
    ['', {}],
    ['&lat=1&', { lat: 1 }],
  ])('%s is read', (query, fields) => {
    expect(read(query)).toEqual(fields);
  });

  test.each([
    ['lat=', 'BAD_LAT'],
    ['lat', 'BAD_LAT'],
    ['lat=+1', 'BAD_LAT'],
    ['lat=1x', 'BAD_LAT'],
    ['lat=0x10', 'BAD_LAT'],
    ['lat=Infinity', 'BAD_LAT'],
    ['lat=1,5', 'BAD_LAT'],
    ['lat=%31%20', 'BAD_LAT'],
    ['k=ten', 'BAD_K'],
    ['lat=1&lat=1', 'BAD_LAT'],
    ['explain=yes', 'BAD_REQUEST'],
    ['lat=%', 'BAD_REQUEST'],
    ['tags=%ff', 'BAD_REQUEST'],
    ['latitude=1', 'BAD_REQUEST'],
    ['__proto__=1', 'BAD_REQUEST'],
  ])('%s is refused with %s', (query, code) => {
    expect(codeOf(query)).toBe(code);
  });
});
