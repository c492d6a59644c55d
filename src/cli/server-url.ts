// The server that a command talks to: --url, else RAZIEL_URL, else the one that `raziel serve` starts.

import { type Command, Option } from 'commander';
import { type ClientOptions, connect, type RazielClient, RazielClientError } from '../client/index.ts';
import { webSocketUrl } from '../client/url.ts';
import { PORT_DEFAULT } from '../limits.ts';
import { CommandFailure, EXIT_UNREACHABLE, EXIT_USAGE } from './exit.ts';

const URL_DEFAULT = `http://127.0.0.1:${PORT_DEFAULT}`;

export function withServerUrl(command: Command): Command {
  return command.addOption(
    new Option('-u, --url <url>', 'the server, as http://HOST:PORT or HOST:PORT')
      .env('RAZIEL_URL')
      .default(URL_DEFAULT),
  );
}

/** @throws CommandFailure EXIT_UNREACHABLE, EXIT_USAGE */
export async function connectOrFail(url: string, options: ClientOptions = {}): Promise<RazielClient> {
  try {
    return await connect(url, { preferWs: true, ...options });
  } catch (error) {
    if (!(error instanceof RazielClientError)) throw error;
    if (error.code === 'BAD_URL') throw new CommandFailure(EXIT_USAGE, error.message);
    throw new CommandFailure(EXIT_UNREACHABLE, `${error.message} (start one with: raziel serve)`);
  }
}

/** The server's URL for HTTP, without a path. @throws CommandFailure EXIT_USAGE */
export function httpUrl(url: string, path: string): string {
  try {
    const address = new URL(webSocketUrl(url));
    address.protocol = address.protocol === 'wss:' ? 'https:' : 'http:';
    address.pathname = path;
    return address.href;
  } catch (error) {
    throw new CommandFailure(EXIT_USAGE, (error as Error).message);
  }
}
