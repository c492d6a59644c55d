// Changing the file of tokens: read, changed, written beside it and moved over it, so that a server that reloads sees the old file or the new
// one. The file beside it is a lock as well: of two who change it at once, one is refused, and no token is lost.

import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { readTokensFile, type TokenEntry, TokensFileError } from './tokens-file.ts';

/** Its owner reads and writes it; a group may go on reading it. */
const OWNER_ONLY = 0o600;
const GROUP_READS = 0o040;

/**
 * @param change gets the tokens of the file, none if there is no file yet, and returns what they shall be
 * @throws TokensFileError; whatever `change` throws, and nothing is written then
 */
export async function editTokensFile(
  file: string,
  change: (tokens: readonly TokenEntry[]) => readonly TokenEntry[],
): Promise<void> {
  const beside = `${file}.new`;
  const handle = await open(beside, 'wx', OWNER_ONLY).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw new TokensFileError(`cannot write the tokens: ${error.message}`);
    throw new TokensFileError(
      `${beside} is there: somebody changes the tokens right now, or was interrupted; remove it then`,
    );
  });
  try {
    const tokens = change(await readOrNone(file));
    await keepOwner(file, handle);
    await handle.writeFile(`${JSON.stringify({ tokens }, undefined, 2)}\n`);
    await handle.sync();
    await handle.close();
    await rename(beside, file);
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(beside, { force: true });
    throw error;
  }
}

/** The server, which may be another user's, goes on reading what root has changed. */
async function keepOwner(file: string, handle: FileHandle): Promise<void> {
  const old = await stat(file).catch(() => undefined);
  if (old === undefined) return;
  const now = await handle.stat();
  if (old.uid !== now.uid || old.gid !== now.gid) await handle.chown(old.uid, old.gid).catch(() => {});
  await handle.chmod(OWNER_ONLY | (old.mode & GROUP_READS));
}

async function readOrNone(file: string): Promise<readonly TokenEntry[]> {
  const exists = await open(file, 'r').then(
    async (handle) => {
      await handle.close();
      return true;
    },
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  return exists ? readTokensFile(file) : [];
}
