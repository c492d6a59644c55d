// Opens a data directory for a server: checks what is there first, or makes a new file under another name and renames it, so that a file of the
// right name is always a whole one, and one without a beginning is damage.

import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckedData, checkData } from './check-data.ts';
import { DATA_FILE } from './databases.ts';
import { Environment } from './environment.ts';
import { DamagedFile } from './file/layout.ts';

const NEW_FILE = `${DATA_FILE}.new`;

export interface OpenedData {
  readonly environment: Environment;
  /** Undefined for a new directory. */
  readonly checked: CheckedData | undefined;
}

/**
 * @param directory whose lock the caller has
 * @param bytesMax of the file, at most
 * @throws Error that says what is wrong with the directory and what to do
 */
export async function openData(directory: string, bytesMax: number): Promise<OpenedData> {
  let checked: CheckedData | undefined;
  try {
    checked = checkData(directory);
    if (checked === undefined) await makeData(directory, bytesMax, () => {});
    return { environment: new Environment(directory, bytesMax), checked };
  } catch (error) {
    const { message } = error as Error;
    if (!(error instanceof DamagedFile)) {
      throw new Error(`the data directory ${directory} cannot be opened: ${message}`, { cause: error });
    }
    throw new Error(
      `the data directory ${directory} is damaged: ${message}. Put a backup in its place (raziel restore FILE --data ${directory} --force), or start with another --data`,
      { cause: error },
    );
  }
}

/**
 * Makes the directory's file anew, in place of any that is there, which stays as it is until the new one is whole and on disk.
 * @param directory whose lock the caller has
 * @throws Error when it cannot be written; nothing has changed then
 */
export async function makeData(
  directory: string,
  bytesMax: number,
  fill: (environment: Environment) => void | Promise<void>,
): Promise<void> {
  const path = join(directory, NEW_FILE);
  const removeNew = (): void => {
    for (const name of [path, `${path}-lock`]) rmSync(name, { force: true });
  };
  removeNew();
  try {
    const environment = new Environment(directory, bytesMax, NEW_FILE);
    try {
      await fill(environment);
    } finally {
      await environment.close();
    }
    syncPath(path);
    renameSync(path, join(directory, DATA_FILE));
    syncPath(directory);
  } finally {
    removeNew();
  }
}

export function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
