// raziel trace ID: one trace, a line for each call, indented by who called whom.
//
//   2026-11-23T09:48:52.322Z  vm  [REQ] websocket → nearest-driver.search      412 µs
//   2026-11-23T09:48:52.322Z  vm    [REQ] nearest-driver → zoning.search       2.1 µs
//   2026-11-23T09:48:52.322Z  vm    [REQ] nearest-driver → eta.multitraveltime  30 ms  DEADLINE_EXCEEDED

import type { Command } from 'commander';
import type { TracedCall, TraceTree } from '../tracing/tree.ts';
import { EXIT_OK } from './exit.ts';
import { askJson } from './http-json.ts';
import { Output } from './output.ts';
import { withServerUrl } from './server-url.ts';
import { microsText, printable } from './values.ts';

export function traceCommand(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('trace')
    .description('show a trace as the tree of its calls')
    .argument('<id>', 'as an answer had it in traceId, or as raziel traces lists it')
    .option('--json', 'the tree as one JSON object')
    .addHelpText('after', EXAMPLES);
  withServerUrl(command).action(async (id: string, { url, json = false }: { url: string; json?: boolean }) => {
    const output = new Output(json);
    const tree = (await askJson(url, `/v1/traces/${encodeURIComponent(id)}`)) as TraceTree;
    if (json) output.object(tree);
    else for (const line of treeLines(tree, output)) output.line(line);
    done(EXIT_OK);
  });
}

const EXAMPLES = `
Examples:
  raziel trace 000000000000000005515f3f38000000
  raziel trace 383231424790986752 --json`;

interface Hop {
  readonly call: TracedCall;
  readonly depth: number;
}

export function treeLines({ roots }: TraceTree, { color }: Pick<Output, 'color'>): string[] {
  const hops: Hop[] = [];
  const walk = (call: TracedCall, depth: number): void => {
    hops.push({ call, depth });
    for (const called of call.calls) walk(called, depth + 1);
  };
  for (const root of roots) walk(root, 0);
  const requests = hops.map(({ call, depth }) => `${'  '.repeat(depth)}[REQ] ${requestText(call)}`);
  const durations = hops.map(({ call }) => microsText(call.durationMicros) + (call.unfinished === true ? '+' : ''));
  const hosts = hops.map(({ call }) => printable(call.host));
  const [hostWidth, requestWidth, durationWidth] = [width(hosts), width(requests), width(durations)];
  return hops.map(({ call }, i) => {
    const request = (requests[i] as string).padEnd(requestWidth);
    const line = [
      color.dim(new Date(call.time).toISOString()),
      (hosts[i] as string).padEnd(hostWidth),
      call.error === undefined ? request : color.red(request),
      (durations[i] as string).padStart(durationWidth),
    ].join('  ');
    return call.error === undefined ? line : `${line}  ${color.red(printable(call.error))}`;
  });
}

function width(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => text.length));
}

/** `nearest-driver → zoning.search`: the service that called, and the endpoint. */
export function requestText({ from, name }: { readonly from: string; readonly name: string }): string {
  return `${printable(from.split('.')[0] as string)} → ${printable(name)}`;
}
