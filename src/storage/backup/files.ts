// Backups as files: read from one with bounded memory, and written so that the name stands for a whole one or for nothing.

import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { require } from '../file/layout.ts';
import { syncPath } from '../open-data.ts';
import { type Backup, type BackupRecord, readBackup } from './format.ts';

/**
 * Reads a file and checks all of it, one chunk in memory at a time.
 * @throws DamagedFile for anything but a whole backup; Error for one of a newer Raziel, or when it cannot be read
 */
export function readBackupFile(
  path: string,
  visit: (record: BackupRecord) => void,
): Backup & { readonly bytes: number } {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    let buffer = Buffer.alloc(0);
    const read = (position: number, bytes: number): Buffer => {
      if (buffer.length < bytes) buffer = Buffer.allocUnsafe(bytes);
      for (let got = 0; got < bytes; ) {
        const more = readSync(fd, buffer, got, bytes - got, position + got);
        require(more > 0, () => 'it became shorter while it was read');
        got += more;
      }
      return buffer.subarray(0, bytes);
    };
    return { ...readBackup(size, read, visit), bytes: size };
  } finally {
    closeSync(fd);
  }
}

/**
 * Has a file written under another name beside it, and gives it its name once it is whole, checked and on disk.
 * @throws what `write` or the check throws; the other name is gone then, and what had the name is untouched
 */
export async function writeBackupFile(
  path: string,
  write: (append: (bytes: Uint8Array) => void) => Promise<void> | void,
): Promise<Backup & { readonly bytes: number }> {
  const part = `${path}.${process.pid}.part`;
  // Nobody else may read where every driver was.
  const fd = openSync(part, 'wx', 0o600);
  try {
    try {
      await write((bytes) => {
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      });
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    const backup = readBackupFile(part, () => {});
    renameSync(part, path);
    syncPath(dirname(path));
    return backup;
  } finally {
    rmSync(part, { force: true });
  }
}
