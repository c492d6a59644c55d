// raziel version: what runs here.

import type { Command } from 'commander';
import { packageVersion } from '../package-version.ts';
import { EXIT_OK } from './exit.ts';
import { Output } from './output.ts';

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
