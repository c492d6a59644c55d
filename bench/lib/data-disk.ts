// A directory for the data of the servers that are measured, and whether it is on a disk at all.

import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Of Linux's statfs(2): file systems that keep everything in memory, where a sync costs nothing. */
const IN_MEMORY = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);

export class DataDisk {
  readonly #directory: string;
  #next = 1;

  /** @param parent the system's directory for temporary files when undefined */
  constructor(parent = tmpdir()) {
    this.#directory = mkdtempSync(join(parent, 'raziel-bench-'));
  }

  /** Why what is measured here says nothing about a disk; undefined when it does. */
  get doubt(): string | undefined {
    const kind = IN_MEMORY.get(statfsSync(this.#directory).type >>> 0);
    return kind && `${this.#directory} is in memory (${kind}), not on a disk: name another with --data`;
  }

  /** The path of a data directory that is not there yet. */
  fresh(): string {
    return join(this.#directory, `data-${this.#next++}`);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
