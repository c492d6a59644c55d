// Text as bytes: ids and tags are measured and ordered by their UTF-8 bytes, while JavaScript measures and orders by UTF-16 units.

/**
 * Orders two strings as their UTF-8 bytes are ordered, which is by code point: negative, 0 or positive. JavaScript's `<` differs
 * where a surrogate pair (U+10000 and up) meets U+E000..U+FFFF.
 */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return rank(unitA) - rank(unitB);
  }
  return a.length - b.length;
}

/** Surrogates above every other unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Whether a string is 1 to `bytesMax` bytes of UTF-8 and has no U+FFFD, which is what broken UTF-8 is decoded to. */
export function isTextOf(value: unknown, bytesMax: number): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > bytesMax) return false;
  // A unit is 3 bytes at most (a pair, 4).
  if (value.length * 3 > bytesMax && Buffer.byteLength(value, 'utf8') > bytesMax) return false;
  return !value.includes('\ufffd');
}
