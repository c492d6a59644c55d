// raziel replay FILE…: recorded tracks, sent to a server as if they happened now.

import { access, constants } from 'node:fs/promises';
import cliProgress from 'cli-progress';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { RazielError } from '../errors.ts';
import { TTL_SECONDS_MAX } from '../limits.ts';
import { type ColumnMap, parseColumnMap } from '../replay/columns.ts';
import { METERS_PER_SECOND, type SpeedUnit, type TagRule } from '../replay/fields.ts';
import { FORMATS, type Format } from '../replay/read.ts';
import { type ReplayProgress, replay } from '../replay/replay.ts';
import type { Speed } from '../replay/schedule.ts';
import { emptySummary, type LineFault, type ReplaySummary } from '../replay/summary.ts';
import { TIME_UNITS, type TimeUnit } from '../replay/time.ts';
import { CommandFailure, EXIT_INTERRUPTED, EXIT_OK, EXIT_REJECTED, EXIT_USAGE } from './exit.ts';
import { interruption } from './interrupt.ts';
import { Output } from './output.ts';
import { connectOrFail, withServerUrl } from './server-url.ts';
import { grouped, secondsText, wholeWithin } from './values.ts';

interface ReplayFlags {
  url: string;
  speed: Speed;
  loop: boolean;
  keepTime: boolean;
  sort: boolean;
  strict: boolean;
  format?: Format;
  map: ColumnMap;
  columns?: string[];
  delimiter?: string;
  id?: string;
  timeUnit: TimeUnit;
  speedUnit: SpeedUnit;
  tagWhen: TagRule[];
  ttl?: number | 'file';
  batch: number;
  verbose: boolean;
  json: boolean;
}

/** Faults that are told one by one; the summary has them all. */
const FAULTS_SHOWN = 20;
/** How long a batch may wait for its answer, a server that restarts included. */
const ANSWER_TIMEOUT_MS = 60_000;

export function replayCommand(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('replay')
    .description(
      'send recorded tracks (CSV, NDJSON or GPX, gzipped or not) to a server; several files are merged by time',
    )
    .argument('<file...>')
    .option('-s, --speed <factor>', 'times as fast as recorded, or max', parseSpeed, 1)
    .option('--loop', 'begin again at the end, until Ctrl-C')
    .option('--keep-time', 'send the times of the file, not of now')
    .option('--sort', 'put each file in order of time first (reads it into memory)')
    .option(
      '--ttl <seconds>',
      'how long each fix lives, or file for what the file says (default: 30 days at max, else file)',
      parseTtl,
    )
    .option('--batch <n>', 'fixes in a batch, at most', wholeWithin(1, 10_000), 1_000)
    .addOption(new Option('--format <format>', 'instead of telling it from the name or the content').choices(FORMATS))
    .option('--map <fields>', 'columns by field, as in id=cab_id,lat=y,lon=x,time=unix_ts', mapOrFail, {})
    .option('--columns <names>', 'the columns of CSV without a header line, separated by commas', (text) =>
      text.split(','),
    )
    .option('--delimiter <character>', 'what separates columns (default: comma, semicolon or tab, as the header has)')
    .option('--id <id>', 'the id, for files without one (default: the name of the track or the file)')
    .addOption(new Option('--time-unit <unit>', 'of the times').choices(TIME_UNITS).default('auto'))
    .addOption(
      new Option('--speed-unit <unit>', 'of the speeds').choices(Object.keys(METERS_PER_SECOND)).default('mps'),
    )
    .option(
      '--tag-when <rule>',
      'COLUMN=VALUE:TAG gives the tag when the column has the value (may be repeated)',
      addTagRule,
      [],
    )
    .option('--strict', 'stop at the first broken line')
    .option('-v, --verbose', `name every broken line and rejected fix, not the first ${FAULTS_SHOWN}`)
    .option('--json', 'print the summary as one JSON object')
    .addHelpText('after', EXAMPLES);
  withServerUrl(command).action(async (files: string[], flags: ReplayFlags) => {
    done(await runReplay(files, flags, new Output(flags.json)));
  });
}

const EXAMPLES = `
A fix's time becomes start + (its time - the first one's) / speed. At --speed max the fixes keep their spacing, shifted so that
the last one is now, and live for 30 days, so that the end state stays; with --loop as well, each has the moment it is sent.
With --keep-time the server's clock decides: a fix past its ttl is stale, one of more than 60 s ahead is rejected.

Examples:
  raziel replay cabs.csv.gz --speed max --tag-when occupied=0:free
  raziel replay monday.ndjson tuesday.ndjson --speed 60 --loop
  raziel replay bus.csv --map id=vehicle,lat=y,lon=x,time=when --time-unit iso --speed-unit mph --sort
  raziel replay ride.gpx --id bike-7 --speed 10 --ttl 300`;

async function runReplay(files: string[], flags: ReplayFlags, output: Output): Promise<number> {
  for (const file of files) await access(file, constants.R_OK).catch(unreadable);
  const client = await connectOrFail(flags.url, {
    timeoutMs: ANSWER_TIMEOUT_MS,
    attemptsMax: Number.POSITIVE_INFINITY,
  });
  const { signal, dispose } = interruption();
  const summary = emptySummary();
  const bar = progressBar(output);
  client.on('disconnect', ({ reason }) => output.note(`the connection ended (${reason}); trying again`));
  try {
    await replay(
      client,
      {
        files,
        read: {
          map: flags.map,
          timeUnit: flags.timeUnit,
          speedUnit: flags.speedUnit,
          tagRules: flags.tagWhen,
          ...(flags.format === undefined ? {} : { format: flags.format }),
          ...(flags.columns === undefined ? {} : { columns: flags.columns }),
          ...(flags.delimiter === undefined ? {} : { delimiter: flags.delimiter }),
          ...(flags.id === undefined ? {} : { id: flags.id }),
        },
        speed: flags.speed,
        keepTime: flags.keepTime,
        loop: flags.loop,
        sort: flags.sort,
        strict: flags.strict,
        batchFixes: flags.batch,
        signal,
        onFault: faultTeller(flags.verbose, output),
        onProgress: bar.update,
        ...(flags.ttl === undefined ? {} : { ttl: flags.ttl }),
      },
      summary,
    );
  } catch (error) {
    bar.stop();
    if (summary.lines > 0) tellSummary(summary, flags, output);
    const isBroken = error instanceof RazielError && flags.strict && summary.broken > 0;
    throw isBroken ? new CommandFailure(EXIT_REJECTED, error.message) : error;
  } finally {
    bar.stop();
    dispose();
    await client.close();
  }
  tellSummary(summary, flags, output);
  if (signal.aborted && !flags.loop) return EXIT_INTERRUPTED;
  return summary.broken + summary.rejected > 0 ? EXIT_REJECTED : EXIT_OK;
}

function unreadable(error: Error): never {
  throw new CommandFailure(EXIT_USAGE, error.message);
}

function tellSummary(summary: ReplaySummary, flags: ReplayFlags, output: Output): void {
  if (output.json) output.object(summary);
  else for (const line of summaryLines(summary)) output.line(line);
  if (summary.outOfOrder > 0 && flags.speed !== 'max' && !flags.sort) {
    output.note(
      `${grouped(summary.outOfOrder)} lines lie behind later ones, and were sent at once with their earlier times; --sort puts them in order`,
    );
  }
  if (flags.speed === 'max' && !flags.keepTime && !flags.loop && (summary.spanSeconds ?? 0) > TTL_SECONDS_MAX) {
    output.note('the files span more than 30 days, the longest that a fix can live: what is older than that is stale');
  }
}

const byCode = (codes: Record<string, number>): string => {
  const parts = Object.entries(codes).map(([code, count]) => `${code} ${grouped(count)}`);
  return parts.length === 0 ? '' : `  (${parts.join(', ')})`;
};

export function summaryLines(summary: ReplaySummary): string[] {
  const rows: [string, number, string][] = [
    ['lines', summary.lines, summary.spanSeconds === undefined ? '' : `  over ${secondsText(summary.spanSeconds)}`],
    ['broken', summary.broken, byCode(summary.brokenByCode)],
    ['sent', summary.sent, `  in ${secondsText(summary.seconds)}, ${grouped(summary.fixesPerSecond)} a second`],
    ['  accepted', summary.accepted, ''],
    ['  stale', summary.stale, ''],
    ['  duplicate', summary.duplicate, ''],
    ['  rejected', summary.rejected, byCode(summary.rejectedByCode)],
  ];
  if (summary.unanswered > 0) rows.push(['unanswered', summary.unanswered, '']);
  const width = Math.max(...rows.map(([, count]) => grouped(count).length));
  return rows.map(([name, count, detail]) => `${name.padEnd(12)}${grouped(count).padStart(width)}${detail}`);
}

function faultTeller(verbose: boolean, output: Output): (fault: LineFault) => void {
  let told = 0;
  return ({ file, line, code, message, rejected }) => {
    told += 1;
    if (told <= FAULTS_SHOWN || verbose) {
      output.note(`${file}:${line}: ${rejected ? 'rejected' : 'broken'}: ${code} ${message}`);
    } else if (told === FAULTS_SHOWN + 1) output.note('… and more; --verbose names them all');
  };
}

/** On a terminal, a bar on standard error; else nothing. */
function progressBar({ terminal }: Output): { update: (progress: ReplayProgress) => void; stop: () => void } {
  if (terminal.stderr.isTTY !== true) return { update: () => {}, stop: () => {} };
  const bar = new cliProgress.SingleBar({
    format: '{bar} {percentage}%  {sent} fixes  {rate}/s  lag {lag}',
    stream: terminal.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  const startMs = performance.now();
  let isStarted = false;
  return {
    update: ({ summary, bytesRead, bytesTotal, lagMs }) => {
      const rate = summary.sent / Math.max(0.001, (performance.now() - startMs) / 1000);
      const payload = { sent: grouped(summary.sent), rate: grouped(rate), lag: secondsText(lagMs / 1000) };
      if (isStarted) bar.update(bytesRead, payload);
      else bar.start(bytesTotal, bytesRead, payload);
      isStarted = true;
    },
    stop: () => bar.stop(),
  };
}

function parseSpeed(text: string): Speed {
  if (text === 'max') return text;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value > 0 && value <= 1e9)) throw new InvalidArgumentError('It must be max, or a number over 0.');
  return value;
}

function parseTtl(text: string): number | 'file' {
  if (text === 'file') return text;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value > 0 && value <= TTL_SECONDS_MAX)) {
    throw new InvalidArgumentError(`It must be file, or seconds over 0 and up to ${TTL_SECONDS_MAX}.`);
  }
  return value;
}

function mapOrFail(text: string, before: ColumnMap): ColumnMap {
  try {
    return { ...before, ...parseColumnMap(text) };
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function addTagRule(text: string, before: TagRule[]): TagRule[] {
  const match = /^([^=]+)=([^:]*):(.+)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('It must be COLUMN=VALUE:TAG, as in occupied=0:free.');
  const [, column = '', value = '', tag = ''] = match;
  return [...before, { column, value, tag }];
}
