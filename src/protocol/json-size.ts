// Sizes up JSON before anything parses it: how deep it nests, and how many lists, members and values it would become. JSON.parse makes
// objects of a few bytes each (`{}`, `[]`, `"a":0`), so that 64 MiB of them keep a thread for half a minute and take gigabytes; one walk over
// the bytes, which makes nothing, tells in a fraction of a second.
//
// Names of members are told apart by a hash, which begins with a random number of the process: some may pass for one, none for two.
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
  /** Distinct names of members, more or less. */
  readonly namesMax: number;
  /** Values of any kind, counted as commas and openings, so that an empty list counts for two. */
  readonly valuesMax: number;
}

/** Hashes that names are told apart by; far more than any `namesMax` that is finite. */
const HASHES = 1 << 16;
const SEED = Math.floor(Math.random() * 2 ** 31);
const PRIME = 16_777_619;

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
  new JsonSizer(bounds).check(bytes);
}

/** Sizes up several texts together. */
export class JsonSizer {
  readonly #bounds: JsonBounds;
  readonly #seen: Uint8Array | undefined;
  #lists = 0;
  #members = 0;
  #commas = 0;
  #names = 0;

  constructor(bounds: JsonBounds) {
    this.#bounds = bounds;
    this.#seen = bounds.namesMax === Number.POSITIVE_INFINITY ? undefined : new Uint8Array(HASHES);
  }

  /** As checkJsonSize, with what came before. */
  check(bytes: Uint8Array): void {
    const { depthMax, listsMax, membersMax, valuesMax, namesMax } = this.#bounds;
    const length = bytes.length;
    const seen = this.#seen;
    let depth = 0;
    let lists = this.#lists;
    let members = this.#members;
    let commas = this.#commas;
    // Of the last string, which is a name when a colon follows.
    let hash = 0;
    for (let at = 0; at < length; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) {
        at++;
        hash = SEED;
        for (let inString = bytes[at]; at < length && inString !== QUOTE; inString = bytes[++at]) {
          hash = Math.imul(hash ^ (inString as number), PRIME);
          if (inString === BACKSLASH) at++;
        }
      } else if (byte === COMMA) {
        commas++;
      } else if (byte === COLON) {
        if (++members > membersMax) throw tooMany('members of objects', membersMax);
        const slot = (hash ^ (hash >>> 16)) & (HASHES - 1);
        if (seen !== undefined && seen[slot] === 0) {
          seen[slot] = 1;
          if (++this.#names > namesMax) throw tooMany('names of members', namesMax);
        }
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
    this.#lists = lists;
    this.#members = members;
    this.#commas = commas;
  }
}

function tooMany(what: string, max: number): RazielError {
  return new RazielError('TOO_LARGE', `the JSON has at most ${max} ${what}, got more`);
}
