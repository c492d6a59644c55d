// Servers that ask for tokens, and callers with and without one.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { RawClient } from './booted-server.ts';

export interface TokenSpec {
  readonly scopes: readonly string[];
  readonly idPrefixes?: readonly string[];
  readonly perSecond?: number;
}

/** A file of tokens in a directory of its own, and the tokens by name. */
export class TokensFile {
  readonly directory = mkdtempSync(join(tmpdir(), 'raziel-tokens-'));
  readonly file = join(this.directory, 'tokens.json');
  readonly tokens: Record<string, string> = {};
  readonly #specs = new Map<string, TokenSpec>();

  constructor(specs: Readonly<Record<string, TokenSpec>>) {
    for (const [name, spec] of Object.entries(specs)) {
      this.tokens[name] = `raziel_${randomBytes(32).toString('base64url')}`;
      this.#specs.set(name, spec);
    }
    this.write();
  }

  token(name: string): string {
    return this.tokens[name] as string;
  }

  /** Changes, or takes out (undefined), what a token may do, in the file. */
  set(name: string, spec: TokenSpec | undefined): void {
    if (spec === undefined) this.#specs.delete(name);
    else this.#specs.set(name, spec);
    this.write();
  }

  write(): void {
    const tokens = Array.from(this.#specs, ([name, spec]) => ({
      name,
      sha256: createHash('sha256').update(this.token(name)).digest('hex'),
      ...spec,
    }));
    writeFileSync(this.file, JSON.stringify({ tokens }));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}

type Headers = Record<string, string>;

export const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

/** Opens a WebSocket; the status of the refusal when there is one. */
export async function openSocket(port: number, headers: Headers, query = ''): Promise<RawClient | number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws${query}`, { headers });
  const refused = once(socket, 'unexpected-response').then(([, response]) => {
    const { statusCode } = response as { statusCode: number };
    return statusCode;
  });
  refused.catch(() => {});
  const client = new RawClient(socket);
  const opened = once(socket, 'open').then(() => client);
  opened.catch(() => {});
  const got = await Promise.race([refused, opened]);
  if (typeof got === 'number') socket.terminate();
  return got;
}

/** As openSocket, for one that must be let in. */
export async function connectAs(port: number, token: string): Promise<RawClient> {
  const client = await openSocket(port, bearer(token));
  if (typeof client === 'number') throw new Error(`the upgrade was refused with ${client}`);
  return client;
}
