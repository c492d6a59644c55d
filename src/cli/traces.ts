// raziel traces: recent traces of a server, a line each.

import { type Command, InvalidArgumentError } from 'commander';
import { TRACES_LIMIT_MAX } from '../limits.ts';
import type { TraceSummary } from '../tracing/tree.ts';
import { EXIT_OK } from './exit.ts';
import { askJson } from './http-json.ts';
import { Output } from './output.ts';
import { withServerUrl } from './server-url.ts';
import { tableLines } from './table.ts';
import { requestText } from './trace.ts';
import { microsText, numberWithin, printable, wholeWithin } from './values.ts';

interface TracesFlags {
  url: string;
  service?: string;
  minMs?: number;
  errors?: boolean;
  limit: number;
  json?: boolean;
}

const LIMIT_SHOWN = 20;

export function tracesCommand(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('traces')
    .description('list the recent traces of a server, the newest first')
    .option('-s, --service <name>', 'only with a call of this service, or service.endpoint', named)
    .option('-m, --min-ms <ms>', 'only those that took at least as long', numberWithin(0, 3_600_000))
    .option('-e, --errors', 'only those with a failed call')
    .option('-n, --limit <n>', 'traces at most', wholeWithin(1, TRACES_LIMIT_MAX), LIMIT_SHOWN)
    .option('--json', 'one JSON object a line for each trace')
    .addHelpText('after', EXAMPLES);
  withServerUrl(command).action(async ({ json = false, ...flags }: TracesFlags) =>
    done(await traces(flags, new Output(json))),
  );
}

const EXAMPLES = `
What a server records is set by --trace-rate and --trace-slow-ms of raziel serve; failed requests are recorded always.

Examples:
  raziel traces
  raziel traces --errors --service zoning
  raziel traces --min-ms 50 --json | head -1`;

function named(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must be the name of a service.');
  return text;
}

async function traces({ url, service, minMs, errors, limit }: TracesFlags, output: Output): Promise<number> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (service !== undefined) query.set('service', service);
  if (minMs !== undefined) query.set('minMs', String(minMs));
  if (errors === true) query.set('error', '1');
  const found = (await askJson(url, `/v1/traces?${query}`)) as { traces: readonly TraceSummary[] };
  if (output.json) for (const trace of found.traces) output.object(trace);
  else if (found.traces.length > 0) for (const line of tableOf(found.traces)) output.line(line);
  const count = found.traces.length;
  output.note(output.errorColor.dim(`${count === 0 ? 'no' : count} trace${count === 1 ? '' : 's'}`));
  return EXIT_OK;
}

function tableOf(found: readonly TraceSummary[]): string[] {
  const rows = found.map((trace) => [
    new Date(trace.time).toISOString(),
    trace.traceId,
    printable(trace.host),
    requestText(trace),
    microsText(trace.durationMicros),
    String(trace.spans),
    printable(trace.error ?? ''),
  ]);
  return tableLines(['time', 'trace', 'host', 'request', 'duration', 'calls', 'error'], rows, [4, 5]);
}
