// Keeps a second server off a data directory, by the file raziel.lock in it.
//
// The system's lock on the file (flock) goes with the process, however that ends, and holds between containers that share a volume. It
// takes the native addon. The file also names its holder, for the message and for servers without the addon: those take a directory whose
// holder is gone, that is, whose process id belongs to nobody or to a process that began at another time.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadNative } from '../drivers/native.ts';

const LOCK_FILE = 'raziel.lock';

interface Holder {
  readonly pid: number;
  /** When it began, in the system's own count; empty where that is not known. */
  readonly began: string;
}

interface StorageAddon {
  /** Takes the exclusive lock on an open file; false when another process has it. */
  lockFile(fd: number): boolean;
}

export interface DataLock {
  release(): void;
}

/**
 * @param instead what else can be done than to stop the other server
 * @throws Error that names the holder, when there is one
 */
export function lockDirectory(directory: string, instead = 'start with another --data'): DataLock {
  const path = join(directory, LOCK_FILE);
  const fd = openSync(path, 'a+');
  const holder = readHolder(path);
  const native = loadNative();
  const isFree = !native.ok || (native.addon as unknown as StorageAddon).lockFile(fd);
  if (!isFree || (holder !== undefined && isAlive(holder))) {
    closeSync(fd);
    const who = holder === undefined ? '' : ` (process ${holder.pid})`;
    throw new Error(`another server${who} has the data directory ${directory}: stop it, or ${instead}`);
  }
  ftruncateSync(fd);
  writeSync(fd, `${JSON.stringify({ pid: process.pid, began: beganAt(process.pid) } satisfies Holder)}\n`);
  return {
    release() {
      ftruncateSync(fd);
      closeSync(fd);
    },
  };
}

function readHolder(path: string): Holder | undefined {
  try {
    const { pid, began } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
    return Number.isSafeInteger(pid) ? { pid: pid as number, began: String(began ?? '') } : undefined;
  } catch {
    // Empty: released, or taken this moment by someone whose system's lock tells.
    return undefined;
  }
}

function isAlive({ pid, began }: Holder): boolean {
  if (process.platform === 'linux') return began !== '' && beganAt(pid) === began;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The start of a process in clock ticks since the system's, with the id of that system's run; empty where there is none. */
function beganAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may have spaces in it. The 22nd field is the start; the third comes first here.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()} ${ticks}`;
  } catch {
    return '';
  }
}
