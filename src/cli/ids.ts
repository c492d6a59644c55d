// raziel ids [N]: fresh ids of a server; raziel ids decode ID…: the parts of an id, which needs no server.

import { Argument, type Command, InvalidArgumentError } from 'commander';
import { parseIsoTime } from '../drivers/time.ts';
import { decodeId, ID_EPOCH_MS_DEFAULT, isId } from '../ids/layout.ts';
import { IDS_PER_REQUEST_MAX } from '../limits.ts';
import { EXIT_OK } from './exit.ts';
import { Output } from './output.ts';
import { connectOrFail, withServerUrl } from './server-url.ts';
import { tableLines } from './table.ts';
import { wholeWithin } from './values.ts';

const EXAMPLES = `
Examples:
  raziel ids
  raziel ids 1000 > ids.txt
  raziel ids decode 77669839702851584`;

export function idsCommand(program: Command, done: (exitCode: number) => void): void {
  const ids = program
    .command('ids')
    .description('make ids, or show the parts of some')
    .addArgument(new Argument('[n]', 'how many').argParser(wholeWithin(1, IDS_PER_REQUEST_MAX)).default(1))
    .option('--json', 'one JSON object a line for each id')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  withServerUrl(ids).action(async (n: number, { url, json = false }: { url: string; json?: boolean }) => {
    done(await make(n, url, new Output(json)));
  });
  ids
    .command('decode')
    .description('show when, by which machine and as which of its millisecond an id was made')
    .addArgument(new Argument('<id...>', 'decimal').argParser(listOfIds))
    .option('--id-epoch <time>', 'what the server that made them has as --id-epoch', epoch, ID_EPOCH_MS_DEFAULT)
    .option('--json', 'one JSON object a line for each id')
    .exitOverride()
    .action((given: readonly bigint[], { idEpoch }: { idEpoch: number }, command: Command) => {
      // The flag is the parent's too, which takes it where both have it.
      const { json = false } = command.optsWithGlobals<{ json?: boolean }>();
      done(decode(given, idEpoch, new Output(json)));
    });
}

function listOfIds(text: string, before: readonly bigint[] | undefined): readonly bigint[] {
  const id = /^\d{1,19}$/.test(text) ? BigInt(text) : -1n;
  if (!isId(id)) throw new InvalidArgumentError('It must be a whole number of up to 63 bits.');
  return [...(before ?? []), id];
}

function epoch(text: string): number {
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : parseIsoTime(text);
  if (ms === undefined)
    throw new InvalidArgumentError('It must be a time such as 2024-01-01T00:00:00Z, or milliseconds.');
  return ms;
}

async function make(n: number, url: string, output: Output): Promise<number> {
  const client = await connectOrFail(url, { reconnect: false, timeoutMs: 10_000 });
  try {
    for (const id of await client.ids(n)) {
      if (output.json) output.object({ id: String(id) });
      else output.line(String(id));
    }
    return EXIT_OK;
  } finally {
    await client.close();
  }
}

function decode(ids: readonly bigint[], epochMs: number, output: Output): number {
  const parts = ids.map((id) => {
    const { ms, machine, sequence } = decodeId(id);
    return { id: String(id), time: timeText(epochMs + ms), ms, machine, sequence };
  });
  if (output.json) for (const part of parts) output.object(part);
  else {
    const rows = parts.map(({ id, time, ms, machine, sequence }) => [id, time, ms, machine, sequence].map(String));
    for (const line of tableLines(['id', 'time', 'ms', 'machine', 'sequence'], rows, [2, 3, 4])) output.line(line);
  }
  return EXIT_OK;
}

/** ISO 8601; a time past what a Date holds as it is. */
function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}
