// What is in a data file, after a look at all of it: its structure page by page (file/data-file.ts), and the checksums of what is small. A start
// does this before LMDB opens the file, so that damage is said, and never followed. The checksums of drivers' records are looked at when
// they are loaded.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type BlockHeader, readBlockHeader, HEADER_BYTES_MAX } from '../drivers/stored-block.ts';
import { isEntry } from './applied-log.ts';
import { type Entry, DataFile } from './file/data-file.ts';
import { DamagedFile } from './file/layout.ts';
import { DATABASES, DATA_FILE } from './databases.ts';
import { unseal } from './envelope.ts';
import { FORMAT_KEY, readFormat } from './format.ts';
import { type Ledger, LEDGER_KEY, NO_LEDGER, readLedger } from './ledger.ts';

export interface StoredBlock extends BlockHeader {
  readonly block: number;
}

export interface CheckedData {
  readonly formatVersion: number;
  /** By number. */
  readonly blocks: readonly StoredBlock[];
  readonly ledger: Ledger;
  readonly fileBytes: number;
  readonly usedBytes: number;
}

/** Sees every entry, with its value as it is stored; valid during the visit. */
export type SeeEntry = (database: (typeof DATABASES)[number], key: Buffer, value: () => Buffer) => void;

/**
 * @returns undefined when there is no file yet, or none that anything was ever stored in
 * @throws DamagedFile; Error for a file of a newer Raziel, or that cannot be read
 */
export function checkData(directory: string, see?: SeeEntry): CheckedData | undefined {
  const path = join(directory, DATA_FILE);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const file = DataFile.open(path);
  try {
    return read(file, see);
  } finally {
    file.close();
  }
}

function read(file: DataFile, see: SeeEntry | undefined): CheckedData | undefined {
  const blocks: StoredBlock[] = [];
  let format: number | undefined;
  let ledger: Ledger | undefined;
  let states = 0;
  let logged = 0;
  const visit: Record<(typeof DATABASES)[number], (entry: Entry) => void> = {
    meta(entry) {
      const key = entry.key.toString('latin1');
      if (key === FORMAT_KEY) format = readFormat(entry.value());
      else {
        const value = opened(key, entry);
        if (key === LEDGER_KEY) ledger = readLedger(value);
      }
    },
    state(entry) {
      states++;
      const key = entry.key.toString();
      opened(key, entry);
    },
    drivers(entry) {
      const block = entry.key.readUInt32LE();
      blocks.push({ block, ...readBlockHeader(block, entry.head()) });
    },
    log(entry) {
      // It was acknowledged as durable: none of it can be spared.
      if (!isEntry(entry.key, entry.value())) throw new DamagedFile('a logged batch of fixes is not what was written');
      logged++;
    },
  };
  file.check((database, entry) => {
    if (!Object.hasOwn(visit, database)) {
      throw new DamagedFile(`it has an unknown database, ${JSON.stringify(database)}`);
    }
    const name = database as keyof typeof visit;
    visit[name](entry);
    see?.(name, entry.key, entry.value);
  }, HEADER_BYTES_MAX);
  if (format === undefined && states + logged + blocks.length === 0) return undefined;
  if (format === undefined) throw new DamagedFile('what says its format is missing');
  if (ledger === undefined && blocks.length > 0) throw new DamagedFile('the ledger of its drivers is missing');
  const { fileBytes, usedBytes } = file;
  return { formatVersion: format, blocks, ledger: ledger ?? NO_LEDGER, fileBytes, usedBytes };
}

function opened(key: string, entry: Entry): Uint8Array {
  const value = unseal(key, entry.value());
  if (value === undefined) throw new DamagedFile(`the value of ${JSON.stringify(key)} is not what was written`);
  return value;
}
