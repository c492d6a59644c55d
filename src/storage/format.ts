// What says which version of the format a data directory has: eight bytes of magic and a version, under 'format' in the database `meta`.
// A newer version than this one is refused, and older ones are read for as long as fixtures/storage keeps one of each.

import type { Database } from 'lmdb';
import { DamagedFile } from './file/layout.ts';

export const FORMAT_KEY = 'format';
const MAGIC = 'RZLDATA\n';
const FORMAT_VERSION = 1;

/**
 * The version that a file says it has.
 * @throws Error that says what to do, for one that this Raziel cannot read; DamagedFile
 */
export function readFormat(stored: Uint8Array): number {
  const bytes = Buffer.from(stored);
  if (bytes.length !== MAGIC.length + 4 || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new DamagedFile('its format is not one of Raziel');
  }
  const version = bytes.readUInt32LE(MAGIC.length);
  if (version === 0) throw new DamagedFile('its format has version 0');
  if (version > FORMAT_VERSION) {
    throw new Error(
      `its format has version ${version}, and this Raziel knows versions up to ${FORMAT_VERSION}: start the newer Raziel that wrote it, or another --data`,
    );
  }
  return version;
}

/** Inside a transaction. */
export function writeFormat(meta: Database<Uint8Array, string>, version = FORMAT_VERSION): void {
  const bytes = Buffer.alloc(MAGIC.length + 4, MAGIC, 'latin1');
  bytes.writeUInt32LE(version, MAGIC.length);
  meta.putSync(FORMAT_KEY, bytes);
}
