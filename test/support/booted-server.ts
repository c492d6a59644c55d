// The real server, as a child process through the command line, and a raw client: what the system tests talk over the wire with.
// `npm test` builds dist/ first; so must whoever runs one file.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pack, Unpackr } from 'msgpackr';
import { WebSocket } from 'ws';

const CLI = fileURLToPath(new URL('../../bin/raziel.mjs', import.meta.url));
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

export const unpack = (bytes: Uint8Array): unknown => unpackr.unpack(bytes as Buffer);

export interface BootedServer {
  readonly url: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** What it has written to standard error: its log. */
  readonly log: () => string;
  /** The exit code, once it has ended; null after a signal. */
  readonly exited: Promise<number | null>;
  /** Sends SIGTERM and returns the exit code. */
  stop(): Promise<number | null>;
}

/** Boots a server on a free port, in memory unless a flag says --data; rejects with its log when it does not start. */
export function bootServer(...flags: string[]): Promise<BootedServer> {
  return bootServerWith({}, ...flags);
}

/** As bootServer, with variables of its environment beside those that there are. */
export async function bootServerWith(
  variables: Readonly<Record<string, string>>,
  ...flags: string[]
): Promise<BootedServer> {
  const memory = flags.includes('--data') ? [] : ['--memory'];
  // Unless a test asks for it, no request is drawn to be traced: its answer would have one field more.
  const args = ['serve', '--json', '--port', '0', '--threads', '1', '--trace-rate', '0', ...memory, ...flags];
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...variables },
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line') as Promise<[string]>,
    exited.then(() => undefined),
  ]);
  if (line === undefined) throw new Error(`the server did not start: ${log}`);
  const { url, port } = JSON.parse(line[0]) as { url: string; port: number };
  return {
    url,
    port,
    process: child,
    log: () => log,
    exited,
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

export type Answer = Record<string, unknown> & {
  ref?: unknown;
  error?: { code: string; message: string; field?: string };
};

/** A WebSocket and what came over it. */
export class RawClient {
  readonly socket: WebSocket;
  readonly answers: Answer[] = [];
  /** For each answer, whether its frame was binary. */
  readonly binary: boolean[] = [];
  readonly closed: Promise<number>;
  #waiting: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.answers.push((isBinary ? unpack(data) : JSON.parse(data.toString())) as Answer);
      this.binary.push(isBinary);
      this.#wake();
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        resolve(code);
        this.#wake();
      });
    });
  }

  static async connect({ port }: { port: number }): Promise<RawClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`);
    const client = new RawClient(socket);
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  sendJson(value: unknown): void {
    this.socket.send(JSON.stringify(value));
  }

  sendPacked(value: unknown): void {
    this.socket.send(pack(value));
  }

  /** Resolves when `count` answers have come in all; rejects when the connection closes first. */
  async until(count: number): Promise<Answer[]> {
    while (this.answers.length < count) {
      if (this.socket.readyState === WebSocket.CLOSED) {
        throw new Error(`closed after ${this.answers.length} of ${count} answers`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.answers;
  }

  /** Sends and returns the next answer; for one request at a time. */
  async ask(value: unknown, encoding: 'json' | 'msgpack' = 'msgpack'): Promise<Answer> {
    const count = this.answers.length + 1;
    if (encoding === 'json') this.sendJson(value);
    else this.sendPacked(value);
    return (await this.until(count)).at(-1) as Answer;
  }

  close(): void {
    this.socket.terminate();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
