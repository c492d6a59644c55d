// raziel demo: a server with a fleet that drives about a city, to try things on.

import { type Command, Option } from 'commander';
import { CITIES, type City, cityAround, cityByName } from '../demo/cities.ts';
import { startFleet } from '../demo/demo.ts';
import type { FleetReport } from '../demo/messages.ts';
import { EXIT_OK } from './exit.ts';
import { interruption, untilAborted } from './interrupt.ts';
import { Output } from './output.ts';
import { engineText, startOrFail, urlOf, withConfigFlags } from './serve.ts';
import { readCa } from './server-url.ts';
import { grouped, metersText, numberWithin, wholeWithin } from './values.ts';

interface DemoFlags extends Record<string, unknown> {
  drivers: number;
  seed: number;
  city: string;
  center?: string;
  duration?: number;
  json: boolean;
}

const DRIVERS_MAX = 1_000_000;
const SECONDS_MAX = 2_000_000;

export function demoCommand(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('demo')
    .description('start a server with a simulated fleet that drives about a city')
    .option('-d, --drivers <n>', 'drivers; each sends a fix a second', wholeWithin(1, DRIVERS_MAX), 5_000)
    .option('--seed <n>', 'the same seed is the same fleet', wholeWithin(0, 2 ** 32 - 1), 1)
    .addOption(new Option('-c, --city <name>', `one of ${Object.keys(CITIES).join(', ')}`).default('san-francisco'))
    .option('--center <lat,lon>', 'a city around this point instead')
    .option('--duration <seconds>', 'stop after this long (default: at Ctrl-C)', numberWithin(0.1, SECONDS_MAX))
    .option('--json', 'one JSON object a line: where it listens, then what happened each second')
    .addHelpText('after', EXAMPLES);
  withConfigFlags(command).action(async ({ drivers, seed, city, center, duration, json, ...given }: DemoFlags) => {
    const place = center === undefined ? cityByName(city) : cityAround(center);
    done(await demo({ place, drivers, seed, duration }, given, new Output(json)));
  });
}

const EXAMPLES = `
Takes every option of raziel serve as well; it keeps everything in memory unless --data says where else. Where --auth
asks for a token the fleet shows the one in RAZIEL_TOKEN, and it trusts the certificates in RAZIEL_CA.

Examples:
  raziel demo
  raziel demo --drivers 50000 --city tokyo
  raziel demo --center=-36.85,174.76 --seed 7 --duration 60 --port 0 --json`;

interface DemoStart {
  readonly place: City;
  readonly drivers: number;
  readonly seed: number;
  readonly duration: number | undefined;
}

async function demo(
  { place, drivers, seed, duration }: DemoStart,
  given: Record<string, unknown>,
  output: Output,
): Promise<number> {
  const { signal, dispose } = interruption();
  // Its own lines say what is going on; the server's log would come between them.
  const isKept = given.data !== undefined || (process.env.RAZIEL_DATA ?? '') !== '';
  const memory = given.memory ?? process.env.RAZIEL_MEMORY ?? !isKept;
  const server = await startOrFail({
    ...given,
    memory,
    logLevel: given.logLevel ?? process.env.RAZIEL_LOG_LEVEL ?? 'warn',
  });
  const url = urlOf(server);
  if (output.json)
    output.object({ event: 'listening', url, drivers, seed, city: place.name, lat: place.lat, lon: place.lon });
  else {
    output.line(`raziel listens on ${output.color.cyan(url)} with ${engineText(server)}.`);
    for (const line of introduction(url, place, drivers, seed)) output.line(line);
  }
  const reporter = liveLine(output);
  const { RAZIEL_TOKEN: token, RAZIEL_CA: ca } = process.env;
  const start = { url, city: place, drivers, seed, token, ca: ca === undefined ? undefined : readCa(ca) };
  const fleet = startFleet(start, reporter.report);
  const over = duration === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(duration * 1000)]);
  try {
    await Promise.race([untilAborted(over), fleet.failed, server.done]);
  } finally {
    reporter.end();
    await fleet.stop();
    await server.stop();
    dispose();
  }
  return EXIT_OK;
}

function introduction(url: string, { name, lat, lon }: City, drivers: number, seed: number): string[] {
  const option = url === 'http://127.0.0.1:7400' ? '' : ` --url ${url}`;
  return [
    `${grouped(drivers)} drivers are about ${name} (seed ${seed}); stop them with Ctrl-C, and ask:`,
    '',
    `  raziel nearest ${lat} ${lon} --tags free --k 5${option}`,
    `  raziel top${option}`,
    `  curl '${url}/v1/nearest?lat=${lat}&lon=${lon}&k=3&tags=free'`,
    `  curl '${url}/v1/supply?resolution=7&tags=free'`,
    '',
  ];
}

/** What happened in the last second: one line that is written over on a terminal, one after the other elsewhere. */
function liveLine(output: Output): { report: (report: FleetReport) => void; end: () => void } {
  const { terminal, json } = output;
  const isLive = terminal.stderr.isTTY === true;
  let isOpen = false;
  return {
    report: (report) => {
      if (json) output.object({ event: 'second', ...report });
      else if (isLive) {
        terminal.stderr.write(`\r${reportText(report)}\u001B[K`);
        isOpen = true;
      } else output.note(reportText(report));
    },
    end: () => {
      if (isOpen) terminal.stderr.write('\n');
    },
  };
}

function reportText(report: FleetReport): string {
  const { fixes, searches, searchP50Ms, searchP99Ms, sample, failed, failure, rejected, lagMs } = report;
  const parts = [`${grouped(fixes)} fixes/s`];
  if (searchP50Ms !== undefined && searchP99Ms !== undefined) {
    parts.push(`${searches} searches/s: p50 ${searchP50Ms.toFixed(2)} ms, p99 ${searchP99Ms.toFixed(2)} ms`);
  }
  if (sample !== undefined) {
    parts.push(
      `nearest free to ${sample.lat.toFixed(4)}, ${sample.lon.toFixed(4)}: ${sample.id} at ${metersText(sample.distanceMeters)}`,
    );
  }
  if (lagMs > 1000) parts.push(`${(lagMs / 1000).toFixed(1)} s behind`);
  if (failed + rejected > 0) parts.push(`${failed} failed, ${rejected} rejected: ${failure ?? ''}`);
  return parts.join(' · ');
}
