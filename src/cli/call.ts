// raziel call SERVICE.ENDPOINT '{json}': calls an endpoint by its name and prints its answer.

import type { Command } from 'commander';
import { CommandFailure, EXIT_OK, EXIT_USAGE } from './exit.ts';
import { askJson } from './http-json.ts';
import { Output } from './output.ts';
import { withServerUrl } from './server-url.ts';

export function callCommand(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('call')
    .description('call an endpoint of a server by its name')
    .argument('<endpoint>', 'its name: service.endpoint')
    .argument('[input]', 'its input as JSON', '{}')
    .option('--json', 'the answer on one line')
    .addHelpText('after', EXAMPLES);
  withServerUrl(command).action(
    async (endpoint: string, input: string, { url, json = false }: { url: string; json?: boolean }) => {
      const output = new Output(json);
      refuseNoMap(input);
      const answer = (await askJson(url, `/v1/services/${encodeURIComponent(endpoint)}`, input)) as object;
      if (json) output.object(answer);
      else output.line(JSON.stringify(answer, null, 2));
      done(EXIT_OK);
    },
  );
}

const EXAMPLES = `
Examples:
  raziel call tracing.services                     what there is to call, with statistics
  raziel call zoning.search '{"lat":37.77,"lon":-122.42}'
  raziel call raziel.search '{"nearest":{"lat":37.77,"lon":-122.42,"k":3}}'`;

function refuseNoMap(input: string): void {
  let value: unknown;
  try {
    value = JSON.parse(input);
  } catch (error) {
    throw new CommandFailure(EXIT_USAGE, `the input is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CommandFailure(EXIT_USAGE, 'the input must be a JSON object');
  }
}
