// The file of a backup: what was written is read, anything less than all of it is refused, and a snapshot stays what it was.

import { mkdirSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { type BackupRecord, BackupWriter, readBackup } from '../../../src/storage/backup/format.ts';
import { openData } from '../../../src/storage/open-data.ts';
import { dataDirectory } from '../../support/data-directory.ts';

const HEAD = { createdAt: '2026-11-23T00:00:00.000Z', raziel: '0.1.0' };
const BYTES_MAX = 256 * 1024 * 1024;

function written(records: readonly BackupRecord[]): Buffer {
  const chunks: Buffer[] = [];
  const writer = new BackupWriter(HEAD, (bytes) => chunks.push(bytes));
  for (const { database, key, value } of records) writer.add(database, key, value);
  writer.end();
  return Buffer.concat(chunks);
}

function read(bytes: Buffer): { head: unknown; records: BackupRecord[] } {
  const records: BackupRecord[] = [];
  const { head } = readBackup(
    bytes.length,
    (position, length) => Buffer.from(bytes.subarray(position, position + length)),
    ({ database, key, value }) => records.push({ database, key: Buffer.from(key), value: Buffer.from(value) }),
  );
  return { head, records };
}

const record = (database: BackupRecord['database'], key: string, value: Uint8Array): BackupRecord => ({
  database,
  key: Buffer.from(key),
  value: Buffer.from(value),
});

const SMALL = [record('meta', 'format', Buffer.from('RZLDATA')), record('state', 'zones/version', Buffer.of(1, 2, 3))];

test('a backup is read as it was written, values larger than a chunk and empty ones included', () => {
  const sizes = [0, 1, 5_000, 1_048_576, 3_000_000, 17];
  const records = sizes.map((size, i) => record('drivers', `key${i}`, Buffer.alloc(size, i)));
  const got = read(written(records));
  expect(got.head).toEqual(HEAD);
  expect(got.records.length).toBe(records.length);
  for (const [i, { key, value }] of got.records.entries()) {
    expect(key.toString()).toBe(`key${i}`);
    expect(value.equals(records[i]?.value as Buffer)).toBe(true);
  }
});

test('a backup that is cut off at any byte is refused', () => {
  const bytes = written(SMALL);
  for (let length = 0; length < bytes.length; length++) {
    expect(() => read(bytes.subarray(0, length)), `cut off at ${length}`).toThrow(/ends|no backup/);
  }
  expect(() => read(Buffer.concat([bytes, Buffer.of(0)]))).toThrow('more behind its end');
});

test('a backup with any bit flipped is refused', () => {
  const bytes = written(SMALL);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(() => read(flipped), `bit ${bit & 7} of byte ${bit >> 3}`).toThrow();
  }
});

test('a backup of a newer version is refused, with what to do', () => {
  const bytes = written(SMALL);
  bytes.writeUInt32LE(2, 8);
  expect(() => read(bytes)).toThrow('version 2, and this Raziel knows versions up to 1: take the Raziel that made it');
});

test('a snapshot has what was there at its moment, whatever is committed while it is read', async () => {
  const directory = dataDirectory();
  mkdirSync(directory);
  const { environment } = await openData(directory, BYTES_MAX);
  onTestFinished(() => environment.close());
  const commit = (round: number): void =>
    environment.commit(() => {
      for (let block = round % 7; block < 3_000; block += 1 + (round % 5)) {
        if (round % 3 === 2) environment.drivers.removeSync(block);
        else environment.drivers.putSync(block, Buffer.alloc(500 + round, round));
      }
      environment.state.putSync('zones/version', Buffer.of(round));
      environment.log.putSync(round, Buffer.of(round));
    });
  for (let round = 0; round < 5; round++) commit(round);
  const listed = (): string[] => {
    const snapshot = environment.snapshot();
    const list = [...snapshot.entries()].map(
      ({ database, key, value }) =>
        `${database} ${Buffer.from(key).toString('hex')} ${Buffer.from(value).toString('hex')}`,
    );
    snapshot.release();
    return list;
  };
  const wanted = listed();
  const snapshot = environment.snapshot();
  const got: string[] = [];
  let round = 5;
  for (const { database, key, value } of snapshot.entries()) {
    got.push(`${database} ${Buffer.from(key).toString('hex')} ${Buffer.from(value).toString('hex')}`);
    if (got.length % 100 !== 0) continue;
    commit(round++);
    await new Promise((resolve) => setImmediate(resolve));
  }
  snapshot.release();
  expect(round).toBeGreaterThan(10);
  expect(got).toEqual(wanted);
  expect(listed()).not.toEqual(wanted);
});
