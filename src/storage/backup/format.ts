// The file of a backup: every entry of a data directory's databases, as they were at one moment, apart from how LMDB lays them out, so that it can be
// checked whole, and restored on a machine with other pages.
//
//   'RZLBACK\n', uint32 version (1), then chunks: uint32 length, uint32 CRC-32 of the payload, seeded with the checksum of the chunk before (the
//   first with that of what stands in front of it), payload. All numbers are little-endian.
//
// A payload begins with a byte: 'H' is the first, and JSON (BackupHead); 'R' is records; 'E' is the last, and JSON (BackupEnd). A record is uint8
// database (by its place in DATABASES), uint16 length of the key, uint32 length of the value, key, value. Keys of `drivers` are uint32 and those of
// `log` float64, the others text; values are as they are stored, with their checksums.

import { crc32 } from 'node:zlib';
import { DATABASES } from '../databases.ts';
import { DamagedFile, require } from '../file/layout.ts';

type DatabaseName = (typeof DATABASES)[number];

export interface BackupHead {
  /** ISO 8601. */
  readonly createdAt: string;
  /** The version of Raziel that made it. */
  readonly raziel: string;
}

export interface BackupEnd {
  readonly entries: Readonly<Record<string, number>>;
}

export interface BackupRecord {
  readonly database: DatabaseName;
  readonly key: Buffer;
  readonly value: Buffer;
}

const MAGIC = 'RZLBACK\n';
const VERSION = 1;
const START_BYTES = MAGIC.length + 4;
const CHUNK_HEAD_BYTES = 8;
const RECORD_HEAD_BYTES = 7;
/** Records are gathered up to this; a larger one is a chunk by itself. */
const CHUNK_BYTES = 1024 * 1024;
const [HEAD, RECORDS, END] = [0x48, 0x52, 0x45];

/** Encodes a backup, chunk by chunk. */
export class BackupWriter {
  readonly #emit: (bytes: Buffer) => void;
  readonly #counts: Record<string, number> = {};
  #parts: Buffer[] = [];
  #bytes = 0;
  #checksum: number;

  /** @param emit gets the bytes of the file, in order; they are its own */
  constructor(head: BackupHead, emit: (bytes: Buffer) => void) {
    this.#emit = emit;
    const start = Buffer.alloc(START_BYTES, MAGIC, 'latin1');
    start.writeUInt32LE(VERSION, MAGIC.length);
    this.#checksum = crc32(start);
    emit(start);
    this.#chunk(HEAD, [Buffer.from(JSON.stringify(head))]);
  }

  /** The bytes may be used again once it returns. */
  add(database: DatabaseName, key: Uint8Array, value: Uint8Array): void {
    const record = Buffer.allocUnsafe(RECORD_HEAD_BYTES + key.length + value.length);
    record.writeUInt8(DATABASES.indexOf(database));
    record.writeUInt16LE(key.length, 1);
    record.writeUInt32LE(value.length, 3);
    record.set(key, RECORD_HEAD_BYTES);
    record.set(value, RECORD_HEAD_BYTES + key.length);
    if (this.#bytes + record.length > CHUNK_BYTES) this.#flush();
    this.#parts.push(record);
    this.#bytes += record.length;
    this.#counts[database] = (this.#counts[database] ?? 0) + 1;
  }

  end(): BackupEnd {
    this.#flush();
    const end = { entries: this.#counts };
    this.#chunk(END, [Buffer.from(JSON.stringify(end))]);
    return end;
  }

  #flush(): void {
    if (this.#bytes > 0) this.#chunk(RECORDS, this.#parts);
    this.#parts = [];
    this.#bytes = 0;
  }

  #chunk(kind: number, parts: readonly Buffer[]): void {
    const chunk = Buffer.concat([Buffer.alloc(CHUNK_HEAD_BYTES), Buffer.of(kind), ...parts]);
    this.#checksum = crc32(chunk.subarray(CHUNK_HEAD_BYTES), this.#checksum);
    chunk.writeUInt32LE(chunk.length - CHUNK_HEAD_BYTES);
    chunk.writeUInt32LE(this.#checksum, 4);
    this.#emit(chunk);
  }
}

export interface Backup {
  readonly head: BackupHead;
  readonly end: BackupEnd;
}

/**
 * Reads a backup and checks all of it.
 * @param size of the file, in bytes
 * @param read the bytes of the file from a position, as many as asked for; they are there
 * @param visit gets each record as soon as its chunk is checked; valid during the visit
 * @throws DamagedFile for anything but a whole backup; Error for one of a newer Raziel
 */
export function readBackup(
  size: number,
  read: (position: number, bytes: number) => Buffer,
  visit: (record: BackupRecord) => void,
): Backup {
  const start = size < START_BYTES ? Buffer.alloc(0) : read(0, START_BYTES);
  require(start.toString('latin1', 0, MAGIC.length) === MAGIC, () => 'it is no backup of Raziel');
  const version = start.readUInt32LE(MAGIC.length);
  if (version > VERSION) {
    throw new Error(
      `its format has version ${version}, and this Raziel knows versions up to ${VERSION}: take the Raziel that made it`,
    );
  }
  require(version === VERSION, () => `its format has version ${version}`);
  let checksum = crc32(start);
  let at = START_BYTES;
  let head: BackupHead | undefined;
  const counts: Record<string, number> = {};
  for (;;) {
    const place = at;
    require(at + CHUNK_HEAD_BYTES < size, () => `it ends at byte ${size}, before its end is written`);
    const chunkHead = read(at, CHUNK_HEAD_BYTES);
    const length = chunkHead.readUInt32LE();
    const wanted = chunkHead.readUInt32LE(4);
    at += CHUNK_HEAD_BYTES;
    require(length > 0 && at + length <= size, () =>
      `it ends at byte ${size}, within the chunk at byte ${place}, or that is damaged`);
    const chunk = read(at, length);
    at += length;
    checksum = crc32(chunk, checksum);
    require(checksum === wanted, () => `the chunk at byte ${place} is not what was written`);
    const payload = chunk.subarray(1);
    const kind = chunk[0];
    require((kind === HEAD) === (head === undefined), () => `the chunk at byte ${place} is out of order`);
    if (kind === HEAD) head = JSON.parse(payload.toString()) as BackupHead;
    else if (kind === RECORDS) readRecords(payload, counts, visit);
    else {
      require(kind === END && at === size, () => `there is more behind its end at byte ${at}`);
      const end = JSON.parse(payload.toString()) as BackupEnd;
      require(DATABASES.every((name) => counts[name] === end.entries[name]), () =>
        'its counts are not those of its records');
      return { head: head as BackupHead, end };
    }
  }
}

function readRecords(payload: Buffer, counts: Record<string, number>, visit: (record: BackupRecord) => void): void {
  for (let at = 0; at < payload.length; ) {
    const database = DATABASES[payload.readUInt8(at)];
    const keyEnd = at + RECORD_HEAD_BYTES + payload.readUInt16LE(at + 1);
    const end = keyEnd + payload.readUInt32LE(at + 3);
    if (database === undefined || end > payload.length) throw new DamagedFile('a record of it is not one of Raziel');
    visit({ database, key: payload.subarray(at + RECORD_HEAD_BYTES, keyEnd), value: payload.subarray(keyEnd, end) });
    counts[database] = (counts[database] ?? 0) + 1;
    at = end;
  }
}
