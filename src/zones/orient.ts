// On which side of a line a point lies, decided exactly: the same as native/src/robust.h, for the checks of an upload.
//
// After Jonathan Richard Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates", Discrete &
// Computational Geometry 18 (1997): a filter with his bound ccwerrboundA, then the determinant as an exact expansion.

const ERROR_BOUND = 3.3306690738754716e-16;
const SPLITTER = 134217729; // 2^27 + 1

/** Positive when c is left of the line from a to b (counter-clockwise), negative when right of it, 0 when exactly on it. */
export function orient(ax: number, ay: number, bx: number, by: number, cx: number, cy: number): number {
  const left = (ax - cx) * (by - cy);
  const right = (ay - cy) * (bx - cx);
  const determinant = left - right;
  const bound = ERROR_BOUND * (Math.abs(left) + Math.abs(right));
  if (determinant > bound || determinant < -bound) return determinant;
  // Positions on vertices and on edges along a meridian or a parallel are many, and their differences are exactly 0.
  if ((ax === cx && ay === cy) || (bx === cx && by === cy)) return 0;
  if ((ax === cx && bx === cx) || (ay === cy && by === cy)) return 0;
  return orientExactly(ax, ay, bx, by, cx, cy);
}

const parts = new Float64Array(16);
let count = 0;

function orientExactly(ax: number, ay: number, bx: number, by: number, cx: number, cy: number): number {
  count = 0;
  addProductOfDifferences(ax, cx, by, cy, 1);
  addProductOfDifferences(ay, cy, bx, cx, -1);
  return count === 0 ? 0 : (parts[count - 1] as number);
}

/** Adds sign × (a − b) × (c − d). */
function addProductOfDifferences(a: number, b: number, c: number, d: number, sign: number): void {
  const x = a - b;
  const xLow = lostBySubtracting(a, b, x);
  const y = c - d;
  const yLow = lostBySubtracting(c, d, y);
  addProduct(xLow, yLow, sign);
  addProduct(xLow, y, sign);
  addProduct(x, yLow, sign);
  addProduct(x, y, sign);
}

function lostBySubtracting(a: number, b: number, difference: number): number {
  const bVirtual = a - difference;
  return a - (difference + bVirtual) + (bVirtual - b);
}

function addProduct(a: number, b: number, sign: number): void {
  const product = a * b;
  let c = SPLITTER * a;
  const aHigh = c - (c - a);
  const aLow = a - aHigh;
  c = SPLITTER * b;
  const bHigh = c - (c - b);
  const bLow = b - bHigh;
  add(sign * (aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow)));
  add(sign * product);
}

/** Grow-Expansion, without zeros. */
function add(value: number): void {
  let carried = value;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const part = parts[i] as number;
    const sum = carried + part;
    const partVirtual = sum - carried;
    const low = carried - (sum - partVirtual) + (part - partVirtual);
    if (low !== 0) parts[kept++] = low;
    carried = sum;
  }
  if (carried !== 0) parts[kept++] = carried;
  count = kept;
}
