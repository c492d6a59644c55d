// raziel config: the settings that a server would run with here, and where each comes from; or whether a file of them is right.

import { type Command, Option } from 'commander';
import { checkTls, tlsFilesOf } from '../access/tls.ts';
import { readTokensFile } from '../access/tokens-file.ts';
import { ConfigError } from '../config-file.ts';
import { effectiveConfig, shownValue } from '../config-sources.ts';
import { CommandFailure, EXIT_OK, EXIT_USAGE } from './exit.ts';
import { Output } from './output.ts';
import { withConfigFlags } from './serve.ts';
import { tableLines } from './table.ts';

export function configCommand(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('config')
    .description('show the settings that a server would run with, and where each comes from')
    .addOption(new Option('--check <file>', 'check a configuration file by itself, and end'))
    .option('--json', 'one JSON object a line for each setting')
    .addHelpText('after', EXAMPLES);
  withConfigFlags(command).action(async ({ check, json = false, ...given }: { check?: string; json?: boolean }) => {
    const output = new Output(json);
    done(check === undefined ? show(given, output) : await checkFile(check, output));
  });
}

const EXAMPLES = `
Takes every option of raziel serve. Exit code 2: a setting is wrong.

Examples:
  raziel config
  raziel config --config raziel.json --port 7500 --json
  raziel config --check raziel.json`;

function show(given: Record<string, unknown>, output: Output): number {
  const { settings } = readOrFail(() => effectiveConfig(given, process.env));
  if (output.json) {
    for (const effective of settings) {
      const { setting, source, from } = effective;
      output.object({ name: setting.name, value: shownValue(effective), source, ...(from === '' ? {} : { from }) });
    }
    return EXIT_OK;
  }
  const rows = settings.map((effective) => [
    effective.setting.name,
    textOf(shownValue(effective)),
    effective.source === 'default' ? 'default' : effective.from,
  ]);
  for (const line of tableLines(['setting', 'value', 'from'], rows, [])) output.line(line);
  return EXIT_OK;
}

function textOf(value: unknown): string {
  if (value === null || value === '' || (Array.isArray(value) && value.length === 0)) return '-';
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** The file alone, and the files of tokens and certificates that it names: neither this machine's environment nor flags make it right or wrong. */
async function checkFile(file: string, output: Output): Promise<number> {
  const { config, settings } = readOrFail(() => effectiveConfig({ config: file }, {}));
  const tls = tlsFilesOf(config);
  try {
    if (config.auth !== undefined) await readTokensFile(config.auth);
    if (tls !== undefined) await checkTls(tls);
  } catch (error) {
    throw new CommandFailure(EXIT_USAGE, (error as Error).message);
  }
  const names = settings.filter(({ source }) => source === 'file').map(({ setting }) => setting.name);
  if (output.json) output.object({ file, settings: names });
  else output.line(`${file} is right: ${names.length === 0 ? 'it sets nothing' : names.join(', ')}`);
  return EXIT_OK;
}

function readOrFail<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandFailure(EXIT_USAGE, error.faults.join('\n       '));
    throw error;
  }
}
