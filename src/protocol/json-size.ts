// Sizes up JSON before anything parses it: how deep it nests, and how many lists, members and values it would become. JSON.parse makes
// objects of a few bytes each (`{}`, `[]`, `"a":0`), so that 64 MiB of them keep a thread for half a minute and take gigabytes; one walk over
// the bytes, which makes nothing, tells in a fraction of a second.
//
// The walk is exact for what is JSON, and whatever it says of other bytes, JSON.parse refuses them afterwards.
//
//   checkJsonSize(body, { depthMax: 64, listsMax: 6_000_000, membersMax: 4_000_000, valuesMax: 20_000_000 });

import { RazielError } from '../errors.ts';

export interface JsonBounds {
  /** Levels of lists and objects. */
  readonly depthMax: number;
  /** Lists; Infinity for any number, as for those below. */
  readonly listsMax: number;
  /** Objects and their members' names, together. */
  readonly membersMax: number;
  /** Values of any kind, counted as commas and openings, so that an empty list counts for two. */
  readonly valuesMax: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * @throws SyntaxError for what nests deeper than `depthMax`
 * @throws RazielError TOO_LARGE for more lists, members or values than the bounds, naming the bound
 */
export function checkJsonSize(bytes: Uint8Array, bounds: JsonBounds): void {
  const { depthMax, listsMax, membersMax, valuesMax } = bounds;
  const length = bytes.length;
  let depth = 0;
  let lists = 0;
  let members = 0;
  let commas = 0;
  for (let at = 0; at < length; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      at++;
      while (at < length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    } else if (byte === COMMA) {
      commas++;
    } else if (byte === COLON) {
      if (++members > membersMax) throw tooMany('members of objects', membersMax);
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > depthMax) throw new SyntaxError(`it nests deeper than ${depthMax} levels`);
      if (byte === OPEN_OBJECT) members++;
      else if (++lists > listsMax) throw tooMany('lists', listsMax);
      // At every opening and at the end: in between, commas take no more than the bytes do.
      if (lists + members + commas > valuesMax) throw tooMany('values', valuesMax);
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      depth--;
    }
  }
  if (members > membersMax) throw tooMany('members of objects', membersMax);
  if (lists + members + commas > valuesMax) throw tooMany('values', valuesMax);
}

function tooMany(what: string, max: number): RazielError {
  return new RazielError('TOO_LARGE', `the JSON has at most ${max} ${what}, got more`);
}
