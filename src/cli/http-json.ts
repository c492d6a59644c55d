// JSON from a server over HTTP, for commands that ask for one thing.

import { CommandFailure, EXIT_FAILURE, EXIT_UNREACHABLE } from './exit.ts';
import { serverFetch, type ServerRequest } from './server-fetch.ts';
import { httpUrl, remedyFor } from './server-url.ts';

const ANSWER_TIMEOUT_MS = 30_000;

/**
 * @param url as `--url` takes it
 * @param path with its query string
 * @param body asked by POST, when there is one
 * @throws CommandFailure EXIT_UNREACHABLE when nobody answers, EXIT_FAILURE with the server's code and message when it refuses
 */
export async function askJson(url: string, path: string, body?: string): Promise<unknown> {
  const [pathname = '', search = ''] = path.split('?');
  const address = new URL(httpUrl(url, pathname));
  address.search = search;
  const post: ServerRequest = { method: 'POST', headers: { 'content-type': 'application/json' } };
  const init: ServerRequest = body === undefined ? {} : { ...post, body };
  let response: Response;
  try {
    response = await serverFetch(address, { ...init, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  } catch (error) {
    const { message } = (error as { cause?: Error }).cause ?? (error as Error);
    throw new CommandFailure(EXIT_UNREACHABLE, `cannot reach ${address.origin}: ${message} (${remedyFor(message)})`);
  }
  const text = await response.text();
  const value = parsed(text);
  if (response.ok && value !== undefined) return value;
  const { error } = (value ?? {}) as { error?: { code: string; message: string } };
  const reason =
    error === undefined ? `HTTP ${response.status}: ${text.slice(0, 200)}` : `${error.code}: ${error.message}`;
  throw new CommandFailure(EXIT_FAILURE, reason);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
