// How busy the server, its core and this process were between two moments.

import { busyShare, coreTimes, cpuMicrosOf } from '../lib/cores.ts';

export interface Usage {
  readonly serverShare: number | undefined;
  readonly coreShare: number | undefined;
  readonly driverShare: number | undefined;
}

export class UsageMeter {
  readonly #pid: number;
  readonly #core: number | undefined;
  readonly #atMs = performance.now();
  readonly #server: number | undefined;
  readonly #driver: number | undefined;
  readonly #coreTimes: ReturnType<typeof coreTimes>;

  constructor(pid: number, core: number | undefined) {
    this.#pid = pid;
    this.#core = core;
    this.#server = cpuMicrosOf(pid);
    this.#driver = cpuMicrosOf(process.pid);
    this.#coreTimes = coreTimes(core);
  }

  read(): Usage {
    const micros = (performance.now() - this.#atMs) * 1000;
    const share = (before: number | undefined, after: number | undefined): number | undefined =>
      before === undefined || after === undefined ? undefined : (after - before) / micros;
    return {
      serverShare: share(this.#server, cpuMicrosOf(this.#pid)),
      coreShare: busyShare(this.#coreTimes, coreTimes(this.#core)),
      driverShare: share(this.#driver, cpuMicrosOf(process.pid)),
    };
  }
}
