// raziel top: a server at work, read from its /metrics once a second.

import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { CommandFailure, EXIT_FAILURE, EXIT_OK, EXIT_UNREACHABLE } from './exit.ts';
import { interruption } from './interrupt.ts';
import { parseMetrics, type Reading, sampleOf, type TopSample } from './metrics.ts';
import { Output } from './output.ts';
import { serverFetch } from './server-fetch.ts';
import { httpUrl, withServerUrl } from './server-url.ts';
import { tableLines } from './table.ts';
import { bytesText, grouped, microsText, numberWithin, secondsText } from './values.ts';

interface TopFlags {
  url: string;
  interval: number;
  once: boolean;
  json: boolean;
}

const ANSWER_TIMEOUT_MS = 5_000;

export function topCommand(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('top')
    .description('show a running server: rates, latencies, drivers and memory')
    .option('-i, --interval <seconds>', 'how often', numberWithin(0.1, 3_600), 1)
    .option('--once', 'print one sample, over one interval, and end')
    .option('--json', 'one JSON object a line for each sample')
    .addHelpText('after', EXAMPLES);
  withServerUrl(command).action(async (flags: TopFlags) => done(await top(flags, new Output(flags.json))));
}

const EXAMPLES = `
Rates are those of the last interval; latencies are the server's own, from a request to its answer.

Examples:
  raziel top
  raziel top --once --json
  raziel top --url http://10.0.0.7:7400 --interval 5`;

async function top({ url, interval, once, json }: TopFlags, output: Output): Promise<number> {
  const metricsUrl = httpUrl(url, '/metrics');
  const { signal, dispose } = interruption();
  try {
    let earlier = await readMetrics(metricsUrl, signal);
    let earlierMs = performance.now();
    for (;;) {
      await delay(interval * 1000, undefined, { signal });
      const later = await readMetrics(metricsUrl, signal);
      const laterMs = performance.now();
      const sample = sampleOf(earlier, later, (laterMs - earlierMs) / 1000, Date.now() / 1000);
      show(sample, url, json, once, output);
      if (once) return EXIT_OK;
      earlier = later;
      earlierMs = laterMs;
    }
  } catch (error) {
    if (signal.aborted) return EXIT_OK;
    throw error;
  } finally {
    dispose();
  }
}

async function readMetrics(url: string, stop: AbortSignal): Promise<Reading> {
  let response: Response;
  try {
    response = await serverFetch(url, { signal: AbortSignal.any([stop, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]) });
  } catch (error) {
    const { cause, message } = error as Error;
    throw new CommandFailure(
      EXIT_UNREACHABLE,
      `cannot read ${url}: ${(cause as Error | undefined)?.message || message}`,
    );
  }
  if (!response.ok) throw new CommandFailure(EXIT_FAILURE, `${url} answered ${response.status}`);
  return parseMetrics(await response.text());
}

function show(sample: TopSample, url: string, json: boolean, once: boolean, output: Output): void {
  if (json) {
    output.object(sample);
    return;
  }
  const lines = screenOf(sample, url, output);
  // Home, each line over the old one, and nothing below: no flicker.
  if (!once && output.terminal.stdout.isTTY === true) {
    output.terminal.stdout.write(`\u001B[H${lines.map((line) => `${line}\u001B[K\n`).join('')}\u001B[J`);
  } else for (const line of lines) output.line(line);
}

export function screenOf(sample: TopSample, url: string, { color }: Pick<Output, 'color'>): string[] {
  const { fixesPerSecond, errorsPerSecond } = sample;
  const outcomes = ['accepted', 'stale', 'duplicate', 'rejected'].map(
    (name) => `${grouped(fixesPerSecond[name] ?? 0)} ${name}`,
  );
  const table = tableLines(
    ['op', 'a second', 'p50', 'p99'],
    sample.ops.map(({ op, perSecond, p50Micros, p99Micros }) => [
      op,
      grouped(perSecond),
      microsText(p50Micros),
      microsText(p99Micros),
    ]),
    [1, 2, 3],
  );
  const errors = Object.entries(errorsPerSecond).map(([code, rate]) => `${code} ${rate.toFixed(1)}/s`);
  return [
    `${color.bold('raziel')} ${url}  ${sample.engine} engine  up ${secondsText(sample.upSeconds)}`,
    `drivers ${grouped(sample.drivers)} of ${grouped(sample.driversMax)}  memory ${bytesText(sample.residentBytes)} (index ${bytesText(sample.engineBytes)})  cpu ${Math.round(sample.cpu * 100)}%`,
    `connections ${grouped(sample.webSockets)} WebSocket, ${grouped(sample.httpConnections)} HTTP`,
    `fixes a second: ${outcomes.join(', ')}`,
    '',
    ...table.map((line, i) => (i === 0 ? color.dim(line) : line)),
    ...(errors.length === 0 ? [] : ['', color.red(`refused: ${errors.join(', ')}`)]),
    ...(sample.overloadedPerSecond > 0 ? [color.red(`overloaded: ${sample.overloadedPerSecond.toFixed(1)}/s`)] : []),
  ];
}
