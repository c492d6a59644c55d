// The command line as a whole: the commands, and what becomes of errors.

import { Command, CommanderError } from 'commander';
import { RazielClientError } from '../client/index.ts';
import { RazielError } from '../errors.ts';
import { CommandFailure, EXIT_FAILURE, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE } from './exit.ts';
import { Output } from './output.ts';
import { packageVersion } from '../package-version.ts';

const EXIT_CODES = `
Exit codes: 0 all is well; 1 it failed; 2 the command line is wrong; 3 no server answers; 4 a replay with broken lines or
rejected fixes; 130 interrupted.

Examples:
  raziel serve                                     start a server on 127.0.0.1:7400
  raziel demo                                      start one with a fleet that drives about San Francisco
  raziel replay cabs.csv.gz --speed 10             send recorded tracks, ten times as fast as they were
  raziel nearest 37.7751 -122.4194 --k 3           ask who is nearest
  raziel zones put boroughs boroughs.geojson       load a layer of zones
  raziel traces --errors                           list recent requests that failed
  raziel top                                       watch a server at work`;

type AddCommand = (program: Command, done: (exitCode: number) => void) => void;

/** Each is loaded when it is called, or listed in the help: a search must not wait for the server's modules. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  demo: async () => (await import('./demo.ts')).demoCommand,
  replay: async () => (await import('./replay.ts')).replayCommand,
  nearest: async () => (await import('./nearest.ts')).nearestCommand,
  zones: async () => (await import('./zones.ts')).zonesCommand,
  traces: async () => (await import('./traces.ts')).tracesCommand,
  trace: async () => (await import('./trace.ts')).traceCommand,
  call: async () => (await import('./call.ts')).callCommand,
  ids: async () => (await import('./ids.ts')).idsCommand,
  top: async () => (await import('./top.ts')).topCommand,
  config: async () => (await import('./config.ts')).configCommand,
  token: async () => (await import('./token.ts')).tokenCommand,
  backup: async () => (await import('./backup.ts')).backupCommand,
  restore: async () => (await import('./restore.ts')).restoreCommand,
  inspect: async () => (await import('./inspect.ts')).inspectCommand,
  version: async () => (await import('./version.ts')).versionCommand,
};

/** Runs a command line; resolves to its exit code. `args` are those behind the program's name. */
export async function runCli(args: readonly string[]): Promise<number> {
  let exitCode = EXIT_OK;
  const done = (code: number): void => {
    exitCode = code;
  };
  const program = new Command('raziel')
    .description('A geospatial search engine server for fleets that move.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .showHelpAfterError('(raziel --help, or raziel COMMAND --help, lists what there is)')
    .addHelpText('after', EXIT_CODES)
    .exitOverride();
  const [name = ''] = args;
  const called = Object.hasOwn(COMMANDS, name) ? [name] : Object.keys(COMMANDS);
  for (const command of called) (await COMMANDS[command]?.())?.(program, done);
  for (const command of program.commands) command.exitOverride();
  try {
    if (args.length === 0) program.help({ error: true });
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has said what is wrong already; its own code is 0 for --help and --version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    const output = new Output(false);
    output.note(`${output.errorColor.red('error:')} ${(error as Error).message}`);
    return exitCodeOf(error);
  }
}

const UNREACHABLE_CODES = new Set(['CONNECT_FAILED', 'CONNECTION_LOST', 'TIMEOUT']);

function exitCodeOf(error: unknown): number {
  if (error instanceof CommandFailure) return error.exitCode;
  if (error instanceof RazielClientError) return UNREACHABLE_CODES.has(error.code) ? EXIT_UNREACHABLE : EXIT_FAILURE;
  if (error instanceof RazielError) return EXIT_USAGE;
  return EXIT_FAILURE;
}
