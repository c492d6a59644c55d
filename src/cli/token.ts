// raziel token NAME: makes a token, shows it once, and keeps its hash in the file that the server reads.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { editTokensFile } from '../access/edit-tokens.ts';
import { isScope, type Scope, SCOPES } from '../access/scopes.ts';
import { hashToken, newToken } from '../access/token.ts';
import { parseTokens, type TokenEntry, TokensFileError } from '../access/tokens-file.ts';
import { CommandFailure, EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './exit.ts';
import { Output } from './output.ts';
import { listOf, numberWithin } from './values.ts';

interface TokenFlags {
  scopes?: Scope[];
  idPrefix: string[];
  perSecond?: number;
  file?: string;
  remove?: boolean;
  json?: boolean;
}

export function tokenCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command('token')
    .description('make a token, print it once, and add its hash to the file of tokens')
    .argument('<name>', 'what the log calls it: 1 to 64 letters, digits or . _ - @ :')
    .option('-s, --scopes <scopes>', `what it may do, separated by commas: ${SCOPES.join(', ')}`, scopesOf)
    .option('--id-prefix <prefix>', 'write only drivers whose ids begin so (may be repeated)', append, [])
    .option('--per-second <n>', 'requests a second at most, each fix of a batch counted', numberWithin(1e-6, 1e9))
    .addOption(new Option('-f, --file <file>', 'the file of tokens, as --auth has it').env('RAZIEL_AUTH'))
    .option('--remove', 'take the token of this name out of the file instead')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: TokenFlags) => {
      const output = new Output(flags.json === true);
      done(await (flags.remove === true ? remove(name, flags, output) : make(name, flags, output)));
    });
}

const EXAMPLES = `
Without --file (or RAZIEL_AUTH) the entry is printed, to be put into the file by hand. A running server takes the file in on SIGHUP.

Examples:
  raziel token feed-1 --scopes ingest --file tokens.json
  raziel token cab-7 --scopes ingest --id-prefix cab-7 --per-second 5 --file tokens.json
  raziel token prometheus --scopes search --file tokens.json
  raziel token feed-1 --remove --file tokens.json && kill -HUP "$PID"`;

const append = (prefix: string, before: string[]): string[] => [...before, prefix];

function scopesOf(text: string): Scope[] {
  if (text === '') return [];
  return listOf(text).map((scope) => {
    if (!isScope(scope)) throw new InvalidArgumentError(`Scopes are ${SCOPES.join(', ')}.`);
    return scope;
  });
}

async function make(name: string, { scopes, idPrefix, perSecond, file }: TokenFlags, output: Output): Promise<number> {
  if (scopes === undefined) throw new CommandFailure(EXIT_USAGE, '--scopes says what the token may do');
  const token = newToken();
  const entry: TokenEntry = {
    name,
    sha256: (hashToken(token) as Buffer).toString('hex'),
    scopes,
    ...(idPrefix.length === 0 ? {} : { idPrefixes: idPrefix }),
    ...(perSecond === undefined ? {} : { perSecond }),
  };
  await orFail(async () => {
    parseTokens(JSON.stringify({ tokens: [entry] }), 'this token');
    if (file === undefined) return;
    await editTokensFile(file, (tokens) => {
      const taken = tokens.some((other) => other.name === name);
      if (taken) throw new CommandFailure(EXIT_FAILURE, `${file} has a token ${name} already; --remove takes it out`);
      return [...tokens, entry];
    });
  });
  if (output.json) {
    output.object({ token, ...entry, ...(file === undefined ? {} : { file }) });
    return EXIT_OK;
  }
  output.line(token);
  output.note(
    file === undefined
      ? `Its entry for the file of tokens:\n${JSON.stringify(entry)}`
      : `Its hash is in ${file}; a server that runs takes it in on SIGHUP.`,
  );
  output.note('The token is shown this once and kept nowhere.');
  return EXIT_OK;
}

async function remove(name: string, { file }: TokenFlags, output: Output): Promise<number> {
  if (file === undefined) throw new CommandFailure(EXIT_USAGE, '--file says which file to take it out of');
  await orFail(() =>
    editTokensFile(file, (tokens) => {
      const left = tokens.filter((other) => other.name !== name);
      if (left.length === tokens.length) throw new CommandFailure(EXIT_FAILURE, `${file} has no token ${name}`);
      return left;
    }),
  );
  if (output.json) output.object({ removed: name, file });
  else output.line(`${name} is out of ${file}; a server that runs takes that in on SIGHUP.`);
  return EXIT_OK;
}

async function orFail(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof TokensFileError) throw new CommandFailure(EXIT_USAGE, error.message);
    throw error;
  }
}
