// Mutations: of values, field by field, and of bytes.

import type { Random } from './random.ts';

const ODD_VALUES: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => '',
  () => '37.5',
  () => -1,
  () => 0.5,
  () => 1e308,
  () => -1e-320,
  () => 2 ** 53,
  () => 91,
  () => 4_294_967_296,
  () => [],
  () => {
    return {};
  },
  () => [[]],
  () => 'x'.repeat(200),
  () => '\ud800',
  () => '\ufeffbom',
  () => 'a,b',
  () => '__proto__',
  () => ({ constructor: 1, __proto__: null }),
  () => Array.from({ length: 40 }, (_, i) => `tag ${i}`),
  () => [1, 2, 3, 4],
  () => Date.now() + 120_000,
];

const NAMES = [
  'op',
  'ref',
  'batch',
  'id',
  'lat',
  'lon',
  'k',
  'tags',
  'zone',
  'time',
  'ttl',
  'unknown',
  '__proto__',
  'searches',
];

/** A copy with one thing, somewhere inside, that is different. */
export function mutateValue(random: Random, value: unknown): unknown {
  if (Array.isArray(value) && value.length > 0 && random.chance(0.9)) {
    const copy: unknown[] = [...value];
    const at = random.below(copy.length);
    const how = random.below(10);
    if (how === 0) copy.splice(at, 1);
    else if (how === 1) copy.push(copy[at]);
    else copy[at] = mutateValue(random, copy[at]);
    return copy;
  }
  if (typeof value === 'object' && value !== null && random.chance(0.9)) {
    const entries = Object.entries(value);
    const at = random.below(entries.length);
    const how = random.below(10);
    const entry = entries[at];
    if (entry === undefined || how === 0) entries.push([random.pick(NAMES), random.pick(ODD_VALUES)()]);
    else if (how === 1) entries.splice(at, 1);
    else entries[at] = [entry[0], mutateValue(random, entry[1])];
    return Object.fromEntries(entries);
  }
  if (typeof value === 'number' && random.chance(0.5)) return value * random.pick([-1, 10, 1e6, 0.001, Number.NaN]);
  return random.pick(ODD_VALUES)();
}

const ODD_BYTES = [
  0x00, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xc4, 0xc7, 0xca, 0xcb, 0xcf, 0xd4, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
  0xff,
];
const ODD_CHARACTERS = [...'{}[]",:\\\u0000\n %/?&=+;\u00e9'].map((character) => Buffer.from(character));

/** A copy with one to four changes. @param other where pieces are taken from */
export function mutateBytes(random: Random, bytes: Uint8Array, other: Uint8Array): Buffer {
  let mutated: Buffer = Buffer.from(bytes);
  for (let changes = 1 + random.below(4); changes > 0; changes--) mutated = mutateOnce(random, mutated, other);
  return mutated;
}

function mutateOnce(random: Random, bytes: Buffer, other: Uint8Array): Buffer {
  const at = random.below(bytes.length + 1);
  const length = random.chance(0.7) ? 1 : random.below(bytes.length - at + 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + length)];
  switch (random.below(8)) {
    case 0:
      return Buffer.from(before); // cut short
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([before, bytes.subarray(at, at + length), bytes.subarray(at)]);
    case 3: {
      const from = random.below(other.length + 1);
      return Buffer.concat([before, other.subarray(from, from + random.below(40)), after]);
    }
    case 4:
      return Buffer.concat([before, random.pick(ODD_CHARACTERS), after]);
    case 5:
      return Buffer.concat([before, Buffer.from([random.pick(ODD_BYTES)]), after]);
    default: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = (copy[at] as number) ^ (1 << random.below(8));
      return copy;
    }
  }
}
