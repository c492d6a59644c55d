// raziel restore FILE: puts a backup into a data directory that no server has open.

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { SCHEMA } from '../config.ts';
import { restoreDirectory } from '../storage/backup/directory.ts';
import { CommandFailure, EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './exit.ts';
import { Output } from './output.ts';
import { contentsText } from './stored-text.ts';

interface RestoreFlags {
  data: string;
  force?: boolean;
  json?: boolean;
}

export const DATA_DEFAULT = process.env.RAZIEL_DATA || SCHEMA.shape.data.parse(undefined);

export function restoreCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command('restore')
    .description('put a backup into a data directory that no server has open')
    .argument('<file>', 'of raziel backup')
    .option('-d, --data <dir>', 'the data directory', DATA_DEFAULT)
    .option('--force', 'replace what is there')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, flags: RestoreFlags) =>
      done(await restore(file, flags, new Output(flags.json === true))),
    );
}

const EXAMPLES = `
The whole file is checked first, and the directory stays as it is until the new data is written and on disk. Drivers whose ttl has ended
meanwhile are dropped when the server starts. Stored traces are left alone.

Examples:
  raziel restore raziel-2026-11-23.backup
  raziel restore last.backup --data /var/lib/raziel --force`;

async function restore(file: string, { data, force = false }: RestoreFlags, output: Output): Promise<number> {
  if (!existsSync(file)) throw new CommandFailure(EXIT_USAGE, `there is no file ${file}`);
  try {
    const { head, contents } = await restoreDirectory(file, data, force);
    const { drivers, layers } = contents;
    if (output.json) output.object({ data, createdAt: head.createdAt, drivers, layers: layers.length });
    else output.line(`${data}: ${contentsText(contents)}, as of ${head.createdAt}`);
    return EXIT_OK;
  } catch (error) {
    throw new CommandFailure(EXIT_FAILURE, `nothing was restored from ${file}: ${(error as Error).message}`);
  }
}
