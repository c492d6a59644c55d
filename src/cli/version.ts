// raziel version: what runs here.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { EXIT_OK } from './exit.ts';
import { Output } from './output.ts';

/** The version in package.json, which lies two folders up from here, built or not. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

export function versionCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command('version')
    .description('print the version, and what it runs on')
    .option('--json', 'as one JSON object')
    .addHelpText('after', '\nExamples:\n  raziel version\n  raziel version --json')
    .action(({ json = false }: { json?: boolean }) => {
      const output = new Output(json);
      const what = {
        raziel: packageVersion(),
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
      };
      if (json) output.object(what);
      else output.line(`raziel ${what.raziel} (Node ${what.node}, ${what.platform})`);
      done(EXIT_OK);
    });
}
