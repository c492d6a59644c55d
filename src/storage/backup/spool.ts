// A backup of a server that runs: what it holds at one moment, written into a file of the data directory by the storage thread, between its
// commits. Commits go on meanwhile; the moment's pages stay until the last of it is written, a second or so, however slow the reader of the
// file is.

import { open, rm } from 'node:fs/promises';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RazielError } from '../../errors.ts';
import { packageVersion } from '../../package-version.ts';
import type { Environment } from '../environment.ts';
import { BackupWriter } from './format.ts';

const PREFIX = 'backup-';
/** Looked at between other work of the thread: about a millisecond. */
const SLICE_ENTRIES = 64;

/** A finished file, to be opened and removed by whoever asked for it. */
export interface Spooled {
  readonly path: string;
  readonly bytes: number;
}

let spooling: Promise<number> | undefined;
let isStopped = false;
let last = 0;

/** Rejects with RazielError OVERLOADED while another one is written, STORAGE_FULL when there is no room for the file. */
export async function spoolBackup(environment: Environment, nowMs: number): Promise<Spooled> {
  if (isStopped) throw stopped();
  if (spooling !== undefined) throw new RazielError('OVERLOADED', 'another backup is being taken; try again');
  const path = join(environment.directory, `${PREFIX}${++last}`);
  try {
    spooling = write(environment, path, nowMs);
    return { path, bytes: await spooling };
  } catch (error) {
    await rm(path, { force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof RazielError) throw error;
    throw new RazielError(
      'STORAGE_FULL',
      `the backup needs room in the data directory for as long as it is sent: ${message}`,
    );
  } finally {
    spooling = undefined;
  }
}

/** Resolves when nothing is read for a backup any more, and nothing will be. */
export async function stopSpooling(): Promise<void> {
  isStopped = true;
  await spooling?.catch(() => {});
}

const stopped = (): RazielError => new RazielError('SHUTTING_DOWN', 'the server is shutting down');

/** Files of a server that was killed while it took or sent a backup. */
export function removeSpooled(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (/^backup-\d+$/.test(name)) rmSync(join(directory, name), { force: true });
  }
}

async function write(environment: Environment, path: string, nowMs: number): Promise<number> {
  const file = await open(path, 'wx', 0o600);
  const snapshot = environment.snapshot();
  try {
    let pending: Buffer[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      const chunks = pending;
      pending = [];
      // LMDB's own sync needs no help of these; they go to disk when the system likes.
      for (const chunk of chunks) {
        await file.writeFile(chunk);
        bytes += chunk.length;
      }
    };
    const head = { createdAt: new Date(nowMs).toISOString(), raziel: packageVersion() };
    const writer = new BackupWriter(head, (chunk) => pending.push(chunk));
    let entries = 0;
    for (const { database, key, value } of snapshot.entries()) {
      writer.add(database, key, value);
      if (pending.length > 0) await flush();
      if (++entries % SLICE_ENTRIES === 0) await new Promise((resolve) => setImmediate(resolve));
      if (isStopped) throw stopped();
    }
    writer.end();
    await flush();
    return bytes;
  } finally {
    snapshot.release();
    await file.close();
  }
}
