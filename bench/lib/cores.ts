// Which cores there are, which one the server gets and which one the load driver, and how busy they were. Linux tells; elsewhere nothing is
// pinned, and what cannot be known is undefined.

import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** The cores that this process may run on, by number. */
export function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readOr('/proc/self/status', ''))?.[1];
  if (list === undefined) return Array.from({ length: availableParallelism() }, (_, core) => core);
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

export interface Placement {
  /** Undefined where nothing is pinned. */
  readonly server: number | undefined;
  readonly driver: number | undefined;
}

/** The last core for the server and the first, which tends to get the interrupts, for the driver. */
export function placeProcesses(): Placement {
  const cores = allowedCores();
  const canPin = cores.length > 1 && spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;
  return canPin ? { server: cores.at(-1), driver: cores[0] } : { server: undefined, driver: undefined };
}

/** Microseconds that a process and its threads have run so far. */
export function cpuMicrosOf(pid: number): number | undefined {
  try {
    let nanos = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanos += Number(readOr(`/proc/${pid}/task/${thread}/schedstat`, '0').split(' ')[0]);
    }
    return nanos / 1000;
  } catch {
    return undefined;
  }
}

export interface CoreTimes {
  /** Ticks since boot. */
  readonly idle: number;
  readonly all: number;
}

export function coreTimes(core: number | undefined): CoreTimes | undefined {
  if (core === undefined) return undefined;
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readOr('/proc/stat', ''))?.[1];
  if (line === undefined) return undefined;
  // user nice system idle iowait irq softirq steal; what comes behind is counted in user already.
  const ticks = line.trim().split(/\s+/).slice(0, 8).map(Number);
  return { idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), all: ticks.reduce((sum, count) => sum + count, 0) };
}

/** The share of a core's time that it was not idle, 0..1. */
export function busyShare(before: CoreTimes | undefined, after: CoreTimes | undefined): number | undefined {
  if (before === undefined || after === undefined || after.all === before.all) return undefined;
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
