// raziel nearest LAT LON: who is nearest, as a table or as JSON.

import { Argument, type Command } from 'commander';
import type { FoundDriver, NearestQuery } from '../client/index.ts';
import { K_DEFAULT, K_MAX, RADIUS_METERS_DEFAULT, RADIUS_METERS_MAX } from '../limits.ts';
import { EXIT_OK } from './exit.ts';
import { Output } from './output.ts';
import { connectOrFail, withServerUrl } from './server-url.ts';
import { tableLines } from './table.ts';
import { listOf, metersText, numberWithin, printable, secondsText, wholeWithin } from './values.ts';

interface NearestFlags extends Omit<NearestQuery, 'lat' | 'lon'> {
  url: string;
  json?: boolean;
}

export function nearestCommand(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('nearest')
    .description('find the drivers that are nearest to a point')
    .addArgument(new Argument('<lat>', 'degrees, -90..90').argParser(numberWithin(-90, 90)))
    .addArgument(new Argument('<lon>', 'degrees, -180..180').argParser(numberWithin(-180, 180)))
    .option('-k, --k <n>', 'drivers at most', wholeWithin(1, K_MAX), K_DEFAULT)
    .option('-r, --radius <meters>', 'how far, inclusive', numberWithin(0, RADIUS_METERS_MAX), RADIUS_METERS_DEFAULT)
    .option('-t, --tags <tags>', 'only drivers with all of these, separated by commas', listOf)
    .option('--any-tags <tags>', 'only drivers with one of these or more', listOf)
    .option('--not-tags <tags>', 'only drivers with none of these', listOf)
    .option('--max-age <seconds>', 'only drivers whose fix is this old at most', numberWithin(0, Number.MAX_VALUE))
    .option('--zone <layer/id>', 'only drivers in this zone')
    .option('--json', 'one JSON object a line for each driver')
    .addHelpText('after', EXAMPLES);
  withServerUrl(command).action(async (lat: number, lon: number, flags: NearestFlags) => {
    const { url, json = false, ...query } = flags;
    done(await nearest({ lat, lon, ...query }, url, new Output(json)));
  });
}

const EXAMPLES = `
Examples:
  raziel nearest 37.7751 -122.4194
  raziel nearest 37.7751 -122.4194 --k 3 --radius 2000 --tags free,xl
  raziel nearest -33.86 151.2 --json | head -1`;

async function nearest(query: NearestQuery, url: string, output: Output): Promise<number> {
  const client = await connectOrFail(url, { reconnect: false, timeoutMs: 10_000 });
  try {
    const { drivers, tookMicros } = await client.nearest(query);
    if (output.json) for (const driver of drivers) output.object(driver);
    else if (drivers.length > 0) for (const line of tableOf(drivers)) output.line(line);
    const radius = metersText(query.radius ?? RADIUS_METERS_DEFAULT);
    const found = drivers.length === 1 ? '1 driver' : `${drivers.length === 0 ? 'no' : drivers.length} drivers`;
    output.note(output.errorColor.dim(`${found} within ${radius} in ${Math.round(tookMicros)} µs on the server`));
    return EXIT_OK;
  } finally {
    await client.close();
  }
}

function tableOf(drivers: readonly FoundDriver[]): string[] {
  const rows = drivers.map(({ id, lat, lon, distance = 0, age, heading, speed, tags }) => [
    printable(id),
    metersText(distance),
    lat.toFixed(6),
    lon.toFixed(6),
    secondsText(age),
    heading === undefined ? '' : `${Math.round(heading)}°`,
    speed === undefined ? '' : `${speed.toFixed(1)} m/s`,
    printable((tags ?? []).join(' ')),
  ]);
  return tableLines(['id', 'distance', 'lat', 'lon', 'age', 'heading', 'speed', 'tags'], rows, [1, 2, 3, 4, 5, 6]);
}
