// What a figure depends on and is printed first: machine, cores, Node, commit, seed.

import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { allowedCores } from './cores.ts';
import { PROJECT_DIR } from './paths.ts';

export interface Setting {
  readonly name: string;
  readonly value: string | number;
  readonly unit: string;
}

export function describeRun(seed: number, quick: boolean): Setting[] {
  return [
    { name: 'machine', value: machine(), unit: 'text' },
    { name: 'cores', value: allowedCores().length, unit: 'count' },
    { name: 'load', value: Math.round((loadavg()[0] as number) * 100) / 100, unit: 'processes' },
    { name: 'node', value: process.version, unit: 'text' },
    { name: 'commit', value: commit(), unit: 'text' },
    { name: 'date', value: new Date().toISOString().slice(0, 10), unit: 'text' },
    { name: 'seed', value: seed, unit: 'number' },
    { name: 'length', value: quick ? 'quick' : 'full', unit: 'text' },
  ];
}

function machine(): string {
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${gigabytes} GiB, ${process.platform} ${release()} ${process.arch}`;
}

function commit(): string {
  try {
    const isChanged = git('status', '--porcelain', '--untracked-files=no', 'src', 'native', 'bench') !== '';
    return git('rev-parse', '--short=12', 'HEAD') + (isChanged ? ' with changes' : '');
  } catch {
    return 'unknown';
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: PROJECT_DIR, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
