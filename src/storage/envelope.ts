// The envelope of a stored value: four bytes of CRC-32 over key and value, then the value. LMDB checks nothing of what it reads back.

import { crc32 } from 'node:zlib';

const CHECKSUM_BYTES = 4;

export function seal(key: string, value: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(CHECKSUM_BYTES + value.length);
  sealed.writeUInt32LE(checksum(key, value));
  sealed.set(value, CHECKSUM_BYTES);
  return sealed;
}

/** A copy of the value; undefined when it is not what was sealed under this key. */
export function unseal(key: string, sealed: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (sealed.length < CHECKSUM_BYTES) return undefined;
  const value = new Uint8Array(sealed.subarray(CHECKSUM_BYTES));
  const view = new DataView(sealed.buffer, sealed.byteOffset, CHECKSUM_BYTES);
  return view.getUint32(0, true) === checksum(key, value) ? value : undefined;
}

function checksum(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key));
}
