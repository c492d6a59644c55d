// raziel backup FILE: all that a server keeps, at one moment, in a file. From a server that runs, or from the directory of one that does not.

import { existsSync } from 'node:fs';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Command } from 'commander';
import { backUpDirectory } from '../storage/backup/directory.ts';
import { readBackupFile, writeBackupFile } from '../storage/backup/files.ts';
import { Contents } from '../storage/contents.ts';
import { CommandFailure, EXIT_FAILURE, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE } from './exit.ts';
import { Output } from './output.ts';
import { bytesText, contentsText } from './stored-text.ts';
import { credentials, httpUrl, remedyFor, withServerUrl } from './server-url.ts';

interface BackupFlags {
  url: string;
  data?: string;
  force?: boolean;
  json?: boolean;
}

/** A server that sends nothing for so long is given up; it writes its copy first, which takes a second for a million drivers. */
const SILENT_MS_MAX = 120_000;

export function backupCommand(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('backup')
    .description('back up all that a server keeps, while it runs or from its data directory')
    .argument('<file>', 'the file to write')
    .option('-d, --data <dir>', 'a data directory that no server has open, instead of a server')
    .option('--force', 'replace the file if there is one')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES);
  withServerUrl(command).action(async (file: string, flags: BackupFlags) =>
    done(await backup(file, flags, new Output(flags.json === true))),
  );
}

const EXAMPLES = `
The file has drivers, zones, learned traffic and the state of ids as they were at one moment; stored traces are not in it. It gets its
name once it is whole, checked and on disk. With tokens it takes one with the scope admin. raziel restore puts it into a data directory.

Examples:
  raziel backup raziel-$(date +%F).backup
  raziel backup last.backup --force --url https://raziel.example.com --token "$ADMIN_TOKEN"
  raziel backup cold.backup --data /var/lib/raziel`;

async function backup(file: string, { url, data, force = false }: BackupFlags, output: Output): Promise<number> {
  if (!force && existsSync(file)) throw new CommandFailure(EXIT_USAGE, `${file} is there already; --force replaces it`);
  const startedAt = performance.now();
  const { head, bytes, contents } = await taken(file, url, data);
  const seconds = (performance.now() - startedAt) / 1000;
  const { drivers, layers } = contents;
  if (output.json) output.object({ file, bytes, createdAt: head.createdAt, drivers, layers: layers.length, seconds });
  else output.line(`${file}: ${contentsText(contents)}, ${bytesText(bytes)}, in ${seconds.toFixed(1)} s`);
  return EXIT_OK;
}

async function taken(file: string, url: string, data: string | undefined) {
  try {
    if (data !== undefined) return await backUpDirectory(data, file);
    const written = await writeBackupFile(file, (append) => download(url, append));
    const contents = new Contents(false);
    readBackupFile(file, ({ database, key, value }) => contents.add(database, key, () => value));
    return { ...written, contents };
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const remedy = code === 'ENOSPC' ? '; make room, or take a file on another disk' : '';
    throw new CommandFailure(EXIT_FAILURE, `no backup was made: ${message}${remedy}`);
  }
}

/** The server's copy, piece by piece. @throws CommandFailure EXIT_UNREACHABLE, EXIT_FAILURE */
async function download(url: string, append: (bytes: Uint8Array) => void): Promise<void> {
  const address = new URL(httpUrl(url, '/v1/backup'));
  const response = await answerOf(address);
  if (response.statusCode !== 200) throw await refusal(response);
  let got = 0;
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      append(piece);
      got += piece.length;
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ECONNRESET') throw error;
    throw new CommandFailure(EXIT_UNREACHABLE, `the server ended the connection after ${got} bytes: ${message}`);
  }
}

function answerOf(address: URL): Promise<IncomingMessage> {
  const { token, ca } = credentials();
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const request = address.protocol === 'https:' ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const sent = request(address, { headers, ...(ca === undefined ? {} : { ca }) }, resolve);
    sent.setTimeout(SILENT_MS_MAX, () => sent.destroy(new Error(`nothing came for ${SILENT_MS_MAX / 1000} s`)));
    sent.on('error', ({ message }) => {
      reject(
        new CommandFailure(EXIT_UNREACHABLE, `cannot reach ${address.origin}: ${message} (${remedyFor(message)})`),
      );
    });
    sent.end();
  });
}

async function refusal(response: IncomingMessage): Promise<CommandFailure> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return new CommandFailure(EXIT_FAILURE, `no backup was made: ${error.code}: ${error.message}`);
  } catch {
    return new CommandFailure(EXIT_FAILURE, `no backup was made: HTTP ${response.statusCode}: ${text.slice(0, 200)}`);
  }
}
