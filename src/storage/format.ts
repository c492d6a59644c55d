// What says which version of the format a data directory has: eight bytes of magic and a version, under 'format' in the database `meta`.
// A newer version than this one is refused, and older ones are read for as long as fixtures/storage keeps one of each.

import type { Database } from 'lmdb';

const FORMAT_KEY = 'format';
const MAGIC = 'RZLDATA\n';
const FORMAT_VERSION = 1;

/**
 * False for a new, empty environment.
 * @throws Error that says what to do, for a version that this one cannot read, or a file that Raziel has not written
 */
export function checkFormat(meta: Database<Uint8Array, string>): boolean {
  const stored = meta.get(FORMAT_KEY);
  if (stored === undefined) return false;
  const bytes = Buffer.from(stored);
  if (bytes.length < MAGIC.length + 4 || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new Error(
      'its format is not one of Raziel: put a copy of the directory in its place, or start with another --data',
    );
  }
  const version = bytes.readUInt32LE(MAGIC.length);
  if (version > FORMAT_VERSION) {
    throw new Error(
      `its format has version ${version}, and this Raziel knows versions up to ${FORMAT_VERSION}: start the newer Raziel that wrote it, or another --data`,
    );
  }
  return true;
}

/** Inside a transaction. */
export function writeFormat(meta: Database<Uint8Array, string>, version = FORMAT_VERSION): void {
  const bytes = Buffer.alloc(MAGIC.length + 4, MAGIC, 'latin1');
  bytes.writeUInt32LE(version, MAGIC.length);
  meta.putSync(FORMAT_KEY, bytes);
}
