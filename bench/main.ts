// npm run bench -- [SUITE…] [--json] [--quick] [--seed N]: measures, and prints what it ran on and what came out (docs/benchmarks.md).
// Exit codes: 0 done; 1 something did not work or a figure cannot be; 2 the command line is wrong. Figures below their floors do not fail.

import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { describeRun } from './lib/machine.ts';
import { Report } from './lib/report.ts';
import { SUITES } from './suites/registry.ts';

interface Options {
  readonly json: boolean;
  readonly quick: boolean;
  readonly seed: number;
  readonly awakeDriver: boolean;
  readonly serverFlags: string;
  readonly data?: string;
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const program = new Command('npm run bench --')
    .description('Measures how fast the engine and the server are.')
    .argument('[suite...]', `${SUITES.map(({ name }) => name).join(', ')}; all when none is named`)
    .option('--json', 'print one JSON object a line', false)
    .option('--quick', 'shorter runs, to see that everything works', false)
    .option('--seed <number>', 'seed of the world and the schedule', wholeNumber, 1)
    .option('--awake-driver', 'the load driver polls without a pause in pipelined runs', false)
    .option('--server-flags <flags>', 'flags for the Node that runs the server, such as --cpu-prof', '')
    .option('--data <directory>', 'where servers that are measured store; a directory for temporary files if not given')
    .addHelpText(
      'after',
      `\nSuites:\n${SUITES.map(({ name, description }) => `  ${name.padEnd(8)} ${description}`).join('\n')}`,
    )
    .exitOverride();
  try {
    program.parse(args, { from: 'user' });
    for (const name of program.args) {
      if (!SUITES.some((suite) => suite.name === name)) program.error(`error: no suite "${name}"`);
    }
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
  const { json, quick, seed, awakeDriver, serverFlags, data } = program.opts<Options>();
  const named = program.args;
  const nodeFlags = serverFlags.split(' ').filter((flag) => flag !== '');
  const options = { quick, seed, awakeDriver, serverFlags: nodeFlags, data };
  const report = new Report(json);
  report.settings(describeRun(seed, quick));
  for (const suite of SUITES) {
    if (named.length > 0 && !named.includes(suite.name)) continue;
    report.begin(suite.name);
    try {
      await suite.run(options, report);
    } catch (error) {
      report.end();
      report.note(`${suite.name} failed: ${(error as Error).message}`);
      return 1;
    }
    report.end();
  }
  for (const fault of report.impossible) report.note(`impossible: ${fault}`);
  return report.impossible.length === 0 ? 0 : 1;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('it must be a whole number');
  return value;
}
