// The server that a command talks to: --url, else RAZIEL_URL, else the one that `raziel serve` starts.

import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { type Command, Option } from 'commander';
import { type ClientOptions, connect, type RazielClient, RazielClientError } from '../client/index.ts';
import { webSocketUrl } from '../client/url.ts';
import { PORT_DEFAULT } from '../limits.ts';
import { CommandFailure, EXIT_FAILURE, EXIT_UNREACHABLE, EXIT_USAGE } from './exit.ts';

const URL_DEFAULT = `http://127.0.0.1:${PORT_DEFAULT}`;

/** What a command shows and trusts, beside the platform's certificate authorities. */
interface Credentials {
  readonly token?: string | undefined;
  /** PEM. */
  readonly ca?: string | undefined;
}

/** Of the command that this process runs. */
let given: Credentials = {};

export function credentials(): Credentials {
  return given;
}

/** Adds --url, --token and --ca; the latter two are taken out of the options again, so that no command hands them on or shows them. */
export function withServerUrl(command: Command): Command {
  command
    .addOption(new Option('--token <token>', 'for a server that asks for one').env('RAZIEL_TOKEN'))
    .addOption(new Option('--ca <file>', 'certificates to trust beside those of the platform, PEM').env('RAZIEL_CA'))
    .hook('preAction', () => {
      const { token, ca } = command.opts<{ token?: string; ca?: string }>();
      given = { token: token || undefined, ca: ca === undefined || ca === '' ? undefined : readCa(ca) };
      command.setOptionValue('token', undefined).setOptionValue('ca', undefined);
    });
  return command.addOption(
    new Option('-u, --url <url>', 'the server, as http://HOST:PORT or HOST:PORT')
      .env('RAZIEL_URL')
      .default(URL_DEFAULT),
  );
}

/** @throws CommandFailure EXIT_UNREACHABLE, EXIT_USAGE */
export async function connectOrFail(url: string, options: ClientOptions = {}): Promise<RazielClient> {
  try {
    return await connect(url, { preferWs: true, ...clientCredentials(given), ...options });
  } catch (error) {
    if (!(error instanceof RazielClientError)) throw error;
    if (error.code === 'BAD_URL') throw new CommandFailure(EXIT_USAGE, error.message);
    const status = / response: (401|403)$/.exec(error.message)?.[1];
    if (status !== undefined) throw new CommandFailure(EXIT_FAILURE, refusedText(url, status));
    throw new CommandFailure(EXIT_UNREACHABLE, `${error.message} (${remedyFor(error.message)})`);
  }
}

/** What may help against an error of the connection. */
export function remedyFor(message: string): string {
  return /certificate|issuer/i.test(message)
    ? '--ca FILE trusts a certificate of your own'
    : 'start one with: raziel serve';
}

/** The platform's certificates and those of a file, PEM. @throws CommandFailure EXIT_USAGE */
export function readCa(file: string): string {
  try {
    // Node trusts what it is given instead of its own.
    return [...rootCertificates, readFileSync(file, 'utf8')].join('\n');
  } catch (error) {
    throw new CommandFailure(EXIT_USAGE, `cannot read --ca: ${(error as Error).message}`);
  }
}

function clientCredentials({ token, ca }: Credentials): Pick<ClientOptions, 'token' | 'ca'> {
  return { ...(token === undefined ? {} : { token }), ...(ca === undefined ? {} : { ca }) };
}

function refusedText(url: string, status: string): string {
  const host = new URL(httpUrl(url, '/')).host;
  return status === '401'
    ? `${host} asks for a token that it knows (--token, or RAZIEL_TOKEN)`
    : `${host} does not let this client in (403)`;
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
