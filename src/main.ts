// The `raziel` command; bin/raziel.mjs runs its built form.

import { runCli } from './cli/program.ts';

// A reader that has enough (`raziel nearest … | head -1`) is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

process.exitCode = await runCli(process.argv.slice(2));
