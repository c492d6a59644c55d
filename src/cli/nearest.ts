// raziel nearest LAT LON: who is nearest or quickest to be there, as a table or as JSON; what a trip costs.

import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { FareAnswer, FoundDriver, NearestAnswer, NearestQuery } from '../client/index.ts';
import { GROUPS_MAX, K_DEFAULT, K_MAX, RADIUS_METERS_DEFAULT, RADIUS_METERS_MAX } from '../limits.ts';
import { EXIT_OK } from './exit.ts';
import { Output } from './output.ts';
import { connectOrFail, withServerUrl } from './server-url.ts';
import { tableLines } from './table.ts';
import { listOf, metersText, numberWithin, printable, secondsText, wholeWithin } from './values.ts';

interface NearestFlags extends Omit<NearestQuery, 'lat' | 'lon' | 'toLat' | 'toLon' | 'groups'> {
  url: string;
  json?: boolean;
  to?: readonly [lat: number, lon: number];
  group?: readonly (readonly string[])[];
}

export function nearestCommand(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('nearest')
    .description('find the drivers that are nearest to a point')
    .addArgument(new Argument('<lat>', 'degrees, -90..90').argParser(numberWithin(-90, 90)))
    .addArgument(new Argument('<lon>', 'degrees, -180..180').argParser(numberWithin(-180, 180)))
    // Without defaults of their own: a zone's policy may have others.
    .option('-k, --k <n>', `drivers at most (default: ${K_DEFAULT})`, wholeWithin(1, K_MAX))
    .option(
      '-r, --radius <meters>',
      `how far, inclusive (default: ${RADIUS_METERS_DEFAULT})`,
      numberWithin(0, RADIUS_METERS_MAX),
    )
    .option('-t, --tags <tags>', 'only drivers with all of these, separated by commas', listOf)
    .option('--any-tags <tags>', 'only drivers with one of these or more', listOf)
    .option('--not-tags <tags>', 'only drivers with none of these', listOf)
    .option('--max-age <seconds>', 'only drivers whose fix is this old at most', numberWithin(0, Number.MAX_VALUE))
    .option('--zone <layer/id>', 'only drivers in this zone')
    .addOption(new Option('--rank <by>', 'by distance, or by the time that they need').choices(['distance', 'eta']))
    .option('--fare', "what the place's zones charge; with --to an estimate for a trip there")
    .option('--to <lat,lon>', 'where the trip goes; with --fare', placeOf)
    .option('--group <tags>', 'the best of those with all of these tags; may be repeated', groupsOf)
    .option('--policy', "hold to the policies of the place's zones; so do --rank eta, --fare and --group")
    .option('--no-policy', 'leave them aside')
    .option('--json', 'one JSON object a line for each driver')
    .addHelpText('after', EXAMPLES);
  withServerUrl(command).action(async (lat: number, lon: number, flags: NearestFlags) => {
    const { url, json = false, to, group: groups, ...asked } = flags;
    const query = { lat, lon, ...asked, ...(groups && { groups }), ...(to && { toLat: to[0], toLon: to[1] }) };
    done(await nearest(query, url, new Output(json)));
  });
}

function placeOf(text: string): [number, number] {
  const [lat, lon, ...rest] = text.split(',');
  if (lat === undefined || lon === undefined || rest.length > 0) throw new InvalidArgumentError('It must be LAT,LON.');
  return [numberWithin(-90, 90)(lat), numberWithin(-180, 180)(lon)];
}

function groupsOf(text: string, before: readonly (readonly string[])[] = []): (readonly string[])[] {
  if (before.length === GROUPS_MAX) throw new InvalidArgumentError(`There may be ${GROUPS_MAX} at most.`);
  return [...before, listOf(text)];
}

const EXAMPLES = `
Examples:
  raziel nearest 37.7751 -122.4194
  raziel nearest 37.7751 -122.4194 --k 3 --radius 2000 --tags free,xl
  raziel nearest 37.7751 -122.4194 --rank eta --fare --to 37.6189,-122.3750
  raziel nearest -33.86 151.2 --json | head -1`;

async function nearest(query: NearestQuery, url: string, output: Output): Promise<number> {
  const client = await connectOrFail(url, { reconnect: false, timeoutMs: 10_000 });
  try {
    const answer = await client.nearest(query);
    const { drivers, tookMicros, fare, zones, version, policy = {} } = answer;
    if (output.json) {
      for (const driver of drivers) output.object(driver);
      if (version !== undefined) output.object(pickupOf(answer));
    } else {
      if (drivers.length > 0) for (const line of tableOf(drivers)) output.line(line);
      if (fare !== undefined) output.line(fareText(fare));
    }
    if (query.fare === true && fare === undefined) output.note('no zone here has a fare');
    if (zones !== undefined) output.note(output.errorColor.dim(zonesText(zones, policy, version)));
    // A zone's own is not in the answer.
    const radius = policy.radius === undefined ? ` within ${metersText(query.radius ?? RADIUS_METERS_DEFAULT)}` : '';
    const found = drivers.length === 1 ? '1 driver' : `${drivers.length === 0 ? 'no' : drivers.length} drivers`;
    output.note(output.errorColor.dim(`${found}${radius} in ${Math.round(tookMicros)} µs on the server`));
    return EXIT_OK;
  } finally {
    await client.close();
  }
}

/** What the answer has beside its drivers. */
function pickupOf({ version, zones, policy, fare }: NearestAnswer): object {
  return { version, zones, policy, ...(fare === undefined ? {} : { fare }) };
}

/** `fare  18.06 USD for 5.20 km in 13 min; 3.5 + 1.8 a km + 0.4 a minute` */
function fareText({ base, perKm, perMinute, currency, amount, meters = 0, seconds = 0 }: FareAnswer): string {
  const tariff = `${base} + ${perKm} a km + ${perMinute} a minute`;
  if (amount === undefined) return `fare  ${tariff}, in ${currency}`;
  return `fare  ${amount} ${currency} for ${metersText(meters)} in ${secondsText(seconds)}; ${tariff}`;
}

/** `in areas/depot, areas/city (version 7); k by areas/city` */
function zonesText(zones: readonly string[], policy: object, version = 0): string {
  const rules = Object.entries(policy).map(([field, zone]) => `${field} by ${zone}`);
  const where = zones.length === 0 ? 'in no zone' : `in ${zones.join(', ')}`;
  return printable([`${where} (version ${version})`, ...rules].join('; '));
}

function tableOf(drivers: readonly FoundDriver[]): string[] {
  const byTime = drivers.some(({ eta }) => eta !== undefined);
  const rows = drivers.map(({ id, lat, lon, distance = 0, age, heading, speed, tags, eta = 0, etaSource = '' }) => [
    printable(id),
    ...(byTime ? [secondsText(eta), etaSource] : []),
    metersText(distance),
    lat.toFixed(6),
    lon.toFixed(6),
    secondsText(age),
    heading === undefined ? '' : `${Math.round(heading)}°`,
    speed === undefined ? '' : `${speed.toFixed(1)} m/s`,
    printable((tags ?? []).join(' ')),
  ]);
  const header = ['id', ...(byTime ? ['eta', 'by'] : []), 'distance', 'lat', 'lon', 'age', 'heading', 'speed', 'tags'];
  return tableLines(
    header,
    rows,
    header.flatMap((name, column) => (['id', 'by', 'tags'].includes(name) ? [] : [column])),
  );
}
