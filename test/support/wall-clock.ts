// A wall clock that a test moves, for a server in a process of its own: a small library that is preloaded (wall-clock.c), compiled when it is first needed.
//
//   const wall = await WallClock.make();          // or a text that says why there can be none here
//   const server = await bootServer(…, { env: wall.env });
//   wall.set(-3_600_000);

import { execFile } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SOURCE = fileURLToPath(new URL('./wall-clock.c', import.meta.url));
/** Prints how far the wall clock of a Node process is from where it should be. */
const PROBE = 'console.log(Date.now() - Number(process.argv[1]))';

export class WallClock {
  readonly env: Readonly<Record<string, string>>;
  readonly #directory: string;
  readonly #file: number;

  private constructor(directory: string, file: number, env: Readonly<Record<string, string>>) {
    this.#directory = directory;
    this.#file = file;
    this.env = env;
  }

  /** Tried on a Node process before it is given out. */
  static async make(): Promise<WallClock | string> {
    if (process.platform !== 'linux') return `LD_PRELOAD is Linux's, and this is ${process.platform}`;
    const directory = mkdtempSync(join(tmpdir(), 'raziel-wall-clock-'));
    const library = join(directory, 'wall-clock.so');
    const offset = join(directory, 'offset');
    const env = { LD_PRELOAD: library, RAZIEL_TEST_WALL_OFFSET: offset };
    try {
      await promisify(execFile)('cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl']);
      const clock = new WallClock(directory, openSync(offset, 'w'), env);
      clock.set(-3_600_000);
      const probe = await promisify(execFile)(process.execPath, ['-e', PROBE, String(Date.now())], {
        env: { ...process.env, ...env },
      });
      const apart = Number(probe.stdout);
      clock.set(0);
      if (Math.abs(apart + 3_600_000) < 60_000) return clock;
      clock.close();
      return `it does not move the wall clock of this Node: off by ${apart} ms`;
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      return (error as Error).message;
    }
  }

  /** Milliseconds that the wall clock is off from now on. */
  set(ms: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(ms) * 1_000_000n);
    writeSync(this.#file, bytes, 0, 8, 0);
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
