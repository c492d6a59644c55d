// Backups from and into a data directory that no server has: the same file as a running server gives.

import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DATA_BYTES_MAX_DEFAULT } from '../../limits.ts';
import { packageVersion } from '../../package-version.ts';
import { entryKey } from '../applied-log.ts';
import { checkData } from '../check-data.ts';
import { Contents } from '../contents.ts';
import { lockDirectory } from '../data-lock.ts';
import { DATA_FILE } from '../databases.ts';
import type { Environment } from '../environment.ts';
import { makeData } from '../open-data.ts';
import { readBackupFile, writeBackupFile } from './files.ts';
import { type Backup, type BackupRecord, BackupWriter } from './format.ts';

/** What a commit of a restore takes, more or less. */
const COMMIT_BYTES = 8 * 1024 * 1024;
/** A file has free pages, and values at the ends of pages leave some room. */
const FILE_PER_BACKUP = 4;

export type WrittenBackup = Backup & { readonly bytes: number; readonly contents: Contents };

/**
 * Backs up a directory. The file gets its name when it is whole and on disk.
 * @throws Error when a server has the directory, or there is nothing in it; DamagedFile
 */
export async function backUpDirectory(directory: string, path: string): Promise<WrittenBackup> {
  if (!existsSync(join(directory, DATA_FILE))) throw new Error(`there is no ${DATA_FILE} in ${directory}`);
  const lock = lockDirectory(directory, 'back it up with --url instead of --data');
  try {
    const contents = new Contents(false);
    const backup = await writeBackupFile(path, (append) => {
      const writer = new BackupWriter({ createdAt: new Date().toISOString(), raziel: packageVersion() }, append);
      const checked = checkData(directory, (database, key, value) => {
        writer.add(database, database === 'log' ? doubleOf(entryKey(key)) : key, value());
        contents.add(database, key, value);
      });
      if (checked === undefined) throw new Error(`there is nothing in ${directory} yet`);
      writer.end();
    });
    return { ...backup, contents };
  } finally {
    lock.release();
  }
}

/**
 * Puts a backup into a directory, which is as it was until all of the backup is checked, written and on disk.
 * @param isForced replaces what is there
 * @throws Error when a server has the directory, or something is in it and it is not forced; DamagedFile for a backup that is not whole
 */
export async function restoreDirectory(path: string, directory: string, isForced: boolean): Promise<WrittenBackup> {
  const contents = new Contents(false);
  const backup = readBackupFile(path, ({ database, key, value }) => contents.add(database, key, () => value));
  const isNew = !existsSync(directory);
  mkdirSync(directory, { recursive: true });
  const lock = lockDirectory(directory, 'take another --data');
  try {
    const file = join(directory, DATA_FILE);
    if (!isForced && existsSync(file)) {
      const { mtime } = statSync(file);
      throw new Error(
        `${directory} has data already, changed last at ${mtime.toISOString()}: --force puts the backup in its place, or take another --data`,
      );
    }
    const bytesMax = Math.max(DATA_BYTES_MAX_DEFAULT, FILE_PER_BACKUP * backup.bytes);
    await makeData(directory, bytesMax, (environment) => fill(environment, path));
    rmSync(`${file}-lock`, { force: true });
    return { ...backup, contents };
  } finally {
    lock.release();
    if (isNew && !existsSync(join(directory, DATA_FILE))) rmSync(directory, { recursive: true });
  }
}

function fill(environment: Environment, path: string): void {
  let pending: BackupRecord[] = [];
  let bytes = 0;
  const commit = (): void => {
    environment.commit(() => {
      for (const record of pending) put(environment, record);
    });
    pending = [];
    bytes = 0;
  };
  readBackupFile(path, ({ database, key, value }) => {
    pending.push({ database, key: Buffer.from(key), value: Buffer.from(value) });
    bytes += key.length + value.length;
    if (bytes > COMMIT_BYTES) commit();
  });
  commit();
}

function put({ meta, state, drivers, log }: Environment, { database, key, value }: BackupRecord): void {
  switch (database) {
    case 'meta':
      meta.putSync(key.toString(), value);
      return;
    case 'state':
      state.putSync(key.toString(), value);
      return;
    case 'drivers':
      drivers.putSync(key.readUInt32LE(), value);
      return;
    case 'log':
      log.putSync(key.readDoubleLE(), value);
  }
}

function doubleOf(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}
