// raziel serve: the server, until it is told to stop.

import { type Command, Option } from 'commander';
import { SETTINGS } from '../config-settings.ts';
import { ConfigError } from '../config-file.ts';
import { readConfig } from '../config-sources.ts';
import type { RunningServer } from '../server.ts';
import { CommandFailure, EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './exit.ts';
import { interruption, untilAborted } from './interrupt.ts';
import { Output } from './output.ts';

export function serveCommand(program: Command, done: (exitCode: number) => void): void {
  const command = program.command('serve').description('start the server');
  withConfigFlags(command)
    .option('--json', 'print where it listens as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async ({ json = false, ...given }: { json?: boolean } & Record<string, unknown>) => {
      done(await serve(given, new Output(json)));
    });
}

const EXAMPLES = `
Every option can come from the environment too, --drivers-max as RAZIEL_DRIVERS_MAX, or from a file, as driversMax. A flag wins over the
environment, and that over the file; raziel config shows what holds.

Examples:
  raziel serve
  raziel serve --port 0 --json
  raziel serve --config raziel.json
  raziel serve --host 0.0.0.0 --insecure --threads 4 --ttl 120`;

/** Adds a flag for every setting of the server, and --config. */
export function withConfigFlags(command: Command, leaveOut: readonly string[] = []): Command {
  command.addOption(new Option('--config <file>', 'JSON file of settings (RAZIEL_CONFIG)'));
  for (const { name, flag, description, default: value, isSwitch } of SETTINGS) {
    if (leaveOut.includes(name)) continue;
    // The default is only shown: what is not given must stay open for the environment.
    const isShort = isSwitch || value === undefined || (Array.isArray(value) && value.length === 0);
    const shown = isShort ? description : `${description} (default: ${String(value)})`;
    command.addOption(new Option(isSwitch ? `${flag} [boolean]` : `${flag} <value>`, shown));
  }
  return command;
}

/** @throws CommandFailure EXIT_USAGE for a bad setting, EXIT_FAILURE for a server that cannot start */
export async function startOrFail(given: Record<string, unknown>): Promise<RunningServer> {
  try {
    const config = readConfig(given, process.env);
    // Loaded behind the check: a wrong option is told at once.
    const { startServer } = await import('../server.ts');
    return await startServer(config);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandFailure(EXIT_USAGE, error.message);
    throw new CommandFailure(EXIT_FAILURE, (error as Error).message);
  }
}

async function serve(given: Record<string, unknown>, output: Output): Promise<number> {
  const { signal, dispose } = interruption();
  const server = await startOrFail(given);
  const stopReloading = reloadOnHangUp(server);
  const url = urlOf(server);
  const { host, port, engine, threads } = server;
  if (output.json) output.object({ event: 'listening', url, host, port, engine, threads, pid: process.pid });
  else output.line(`raziel listens on ${output.color.cyan(url)} with ${engineText(server)} (stop it with Ctrl-C)`);
  try {
    await Promise.race([untilAborted(signal), server.done]);
  } finally {
    await server.stop();
    stopReloading();
    dispose();
  }
  return EXIT_OK;
}

/** SIGHUP reloads tokens and certificate. Without any, to a server in a terminal it means that the terminal is gone, and ends it. */
function reloadOnHangUp(server: RunningServer): () => void {
  if (!server.reloads && process.stdin.isTTY) return () => {};
  const onHangUp = (): void => void server.reload();
  process.on('SIGHUP', onHangUp);
  return () => process.off('SIGHUP', onHangUp);
}

/** 'the native engine and 3 threads'; why it is that one is in the log. */
export function engineText({ engine, threads }: RunningServer): string {
  return `the ${engine} engine and ${threads} thread${threads === 1 ? '' : 's'}`;
}

export function urlOf({ host, port, isTls }: { host: string; port: number; isTls: boolean }): string {
  return `http${isTls ? 's' : ''}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
