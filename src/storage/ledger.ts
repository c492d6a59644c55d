// The ledger beside the stored drivers, written with every commit: how many blocks there are and the sum of their checksums. A file that lost
// blocks, or brought old ones back, does not agree with it, however whole each block is.

import { DamagedFile } from './file/layout.ts';

/** In the database `meta`, sealed. */
export const LEDGER_KEY = 'drivers';
const LEDGER_BYTES = 16;

export interface Ledger {
  readonly count: number;
  /** Of the checksums of their headers, modulo 2³². */
  readonly sum: number;
  /** That the next block gets. */
  readonly sequence: number;
}

export const NO_LEDGER: Ledger = { count: 0, sum: 0, sequence: 0 };

export function encodeLedger({ count, sum, sequence }: Ledger): Uint8Array {
  const view = new DataView(new ArrayBuffer(LEDGER_BYTES));
  view.setUint32(0, count, true);
  view.setUint32(4, sum, true);
  view.setFloat64(8, sequence, true);
  return new Uint8Array(view.buffer);
}

/** @throws DamagedFile */
export function readLedger(bytes: Uint8Array): Ledger {
  if (bytes.length !== LEDGER_BYTES) throw new DamagedFile(`the ledger of its drivers has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, LEDGER_BYTES);
  return { count: view.getUint32(0, true), sum: view.getUint32(4, true), sequence: view.getFloat64(8, true) };
}
