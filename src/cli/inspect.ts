// raziel inspect: what is in a data directory or a backup, and whether it is whole.

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ID_EPOCH_MS_DEFAULT } from '../ids/layout.ts';
import { readBackupFile } from '../storage/backup/files.ts';
import { checkData } from '../storage/check-data.ts';
import { Contents } from '../storage/contents.ts';
import { lockDirectory } from '../storage/data-lock.ts';
import { DATA_FILE } from '../storage/databases.ts';
import { DamagedFile } from '../storage/file/layout.ts';
import { CommandFailure, EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './exit.ts';
import { Output } from './output.ts';
import { DATA_DEFAULT } from './restore.ts';
import { bytesText } from './stored-text.ts';
import { tableLines } from './table.ts';

const TRACES_FILE = 'traces.mdb';

export function inspectCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command('inspect')
    .description('show what is in a data directory or a backup, and whether it is whole')
    .argument('[path]', 'a data directory that no server has open, or a file of raziel backup', DATA_DEFAULT)
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((path: string, { json = false }: { json?: boolean }) => done(inspect(path, new Output(json))));
}

const EXAMPLES = `
All of it is read and checked. The exit code is 0 when it is whole, and 1 when anything is damaged: the output says what. Nothing is changed.
Of a running server take a backup, and look at that.

Examples:
  raziel inspect
  raziel inspect /var/lib/raziel --json
  raziel inspect last.backup`;

interface Inspected {
  readonly kind: 'data directory' | 'backup';
  /** ISO 8601: when a backup was taken, or the file was changed last. */
  readonly writtenAt: string;
  readonly contents: Contents;
  readonly fileBytes: number;
  /** Of a data directory: without what its file has free. */
  readonly usedBytes?: number | undefined;
  readonly tracesBytes?: number | undefined;
  /** The version of Raziel that made a backup. */
  readonly raziel?: string | undefined;
  readonly damage: readonly string[];
}

function inspect(path: string, output: Output): number {
  if (!existsSync(path)) throw new CommandFailure(EXIT_USAGE, `there is no ${path}`);
  let found: Inspected;
  try {
    found = statSync(path).isDirectory() ? ofDirectory(path) : ofBackup(path);
  } catch (error) {
    throw new CommandFailure(EXIT_FAILURE, (error as Error).message);
  }
  if (output.json) output.object(jsonOf(path, found));
  else for (const line of linesOf(path, found)) output.line(line);
  return found.damage.length === 0 ? EXIT_OK : EXIT_FAILURE;
}

function ofBackup(path: string): Inspected {
  const contents = new Contents(true);
  const { size, mtime } = statSync(path);
  const damage: string[] = [];
  const read = (): { createdAt: string; raziel?: string } => {
    try {
      return readBackupFile(path, ({ database, key, value }) => contents.add(database, key, () => value)).head;
    } catch (error) {
      if (!(error instanceof DamagedFile)) throw error;
      damage.push(error.message);
      return { createdAt: mtime.toISOString() };
    }
  };
  const { createdAt, raziel } = read();
  return {
    kind: 'backup',
    writtenAt: createdAt,
    raziel,
    contents,
    fileBytes: size,
    damage: [...damage, ...damageOf(contents)],
  };
}

function ofDirectory(directory: string): Inspected {
  const file = join(directory, DATA_FILE);
  if (!existsSync(file)) throw new Error(`there is no ${DATA_FILE} in ${directory}`);
  const lock = lockDirectory(directory, 'take a backup of it and look at that');
  try {
    const contents = new Contents(true);
    const damage: string[] = [];
    let usedBytes: number | undefined;
    try {
      usedBytes = checkData(directory, (database, key, value) => contents.add(database, key, value))?.usedBytes;
    } catch (error) {
      if (!(error instanceof DamagedFile)) throw error;
      damage.push(error.message);
    }
    const { size, mtime } = statSync(file);
    return {
      kind: 'data directory',
      writtenAt: mtime.toISOString(),
      contents,
      fileBytes: size,
      usedBytes,
      tracesBytes: statSync(join(directory, TRACES_FILE), { throwIfNoEntry: false })?.size,
      damage: [...damage, ...damageOf(contents)],
    };
  } finally {
    lock.release();
  }
}

function damageOf({ damagedDrivers, faults }: Contents): string[] {
  const drivers =
    damagedDrivers === 0 ? [] : [`${damagedDrivers} records of drivers are not what was written; a server drops them`];
  return [...drivers, ...faults];
}

function jsonOf(path: string, { contents, ...rest }: Inspected): object {
  const { formatVersion, drivers, damagedDrivers, loggedBatches, zonesVersion, layers, learnedBytes } = contents;
  const counts = { formatVersion, drivers, damagedDrivers, loggedBatches, zonesVersion, layers, learnedBytes };
  return { path, ...counts, idsReservedMs: contents.idsReservedMs ?? null, ...rest };
}

function linesOf(path: string, found: Inspected): string[] {
  const { kind, writtenAt, contents, fileBytes, usedBytes, tracesBytes, raziel, damage } = found;
  const { drivers, layers, learnedBytes, idsReservedMs, loggedBatches } = contents;
  const isPartial = damage.length > 0 ? ' could be read' : '';
  const rows = [
    [kind, path],
    ['format', `${contents.formatVersion || 'unknown'}${raziel === undefined ? '' : `, of Raziel ${raziel}`}`],
    ['written', writtenAt],
    [
      'size',
      usedBytes === undefined ? bytesText(fileBytes) : `${bytesText(fileBytes)}, ${bytesText(usedBytes)} in use`,
    ],
    ['drivers', `${drivers.toLocaleString('en')}${isPartial}`],
    ['logged batches', String(loggedBatches)],
    ['zones', `${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}, version ${contents.zonesVersion}`],
    ...layers.map(({ name, version, zones, bytes }) => [
      '',
      `${name}: version ${version}, ${zones} zones, ${bytesText(bytes)}`,
    ]),
    ['learned traffic', learnedBytes === 0 ? 'none' : bytesText(learnedBytes)],
    ['ids', idsReservedMs === undefined ? 'none' : `reserved to ${idsTime(idsReservedMs)}`],
    ...(tracesBytes === undefined ? [] : [['stored traces', bytesText(tracesBytes)]]),
    ...(damage.length === 0 ? [['damage', 'none']] : damage.map((what) => ['DAMAGE', what])),
  ];
  return tableLines(rows[0] as string[], rows.slice(1), []);
}

/** By the default epoch of ids; a server with another one counts from that. */
function idsTime(ms: number): string {
  return new Date(ID_EPOCH_MS_DEFAULT + ms).toISOString();
}
