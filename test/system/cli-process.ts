// The built command line as a process, for tests: its output by lines, its end, and signals.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/raziel.mjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Cli {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ended>;
  #wake: (() => void)[] = [];
  #isOver = false;

  constructor(args: readonly string[], environment: Record<string, string> = {}) {
    const { NO_COLOR: _, FORCE_COLOR: __, RAZIEL_URL: ___, ...inherited } = process.env;
    this.child = spawn(process.execPath, [BIN, ...args], {
      // Servers keep nothing, and leave nothing behind, unless a test says --data.
      env: { ...inherited, ...(args.includes('--data') ? {} : { RAZIEL_MEMORY: '1' }), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#notify();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#notify();
    });
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.#isOver = true;
      this.#notify();
      return { code: code as number | null, signal: signal as string | null, stdout: this.stdout, stderr: this.stderr };
    });
  }

  /** Resolves once the output says so. @throws Error when the process ends before */
  async until(condition: (cli: Cli) => boolean): Promise<void> {
    while (!condition(this)) {
      if (this.#isOver) throw new Error(`the command ended early\nstdout: ${this.stdout}\nstderr: ${this.stderr}`);
      await new Promise<void>((wake) => this.#wake.push(wake));
    }
  }

  /** The objects on standard output so far, one for each whole line. */
  objects<T = Record<string, unknown>>(): T[] {
    const whole = this.stdout.slice(0, this.stdout.lastIndexOf('\n') + 1);
    return whole.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as T]));
  }

  interrupt(signal: NodeJS.Signals = 'SIGINT'): void {
    this.child.kill(signal);
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Runs a command to its end. */
export function run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  return new Cli(args, environment).ended;
}

export interface ServeProcess {
  readonly cli: Cli;
  readonly url: string;
  readonly port: number;
  stop(): Promise<Ended>;
}

/** `raziel serve` on a free port (or the one given), up and listening. */
export async function serve(...args: string[]): Promise<ServeProcess> {
  const port = args.includes('--port') ? [] : ['--port', '0'];
  const cli = new Cli(['serve', '--json', '--log-level', 'warn', '--threads', '1', ...port, ...args]);
  await cli.until(({ stdout }) => stdout.includes('\n'));
  const [listening] = cli.objects<{ url: string; port: number }>();
  return {
    cli,
    url: listening?.url ?? '',
    port: listening?.port ?? 0,
    stop: () => {
      cli.interrupt();
      return cli.ended;
    },
  };
}
