// raziel zones put|get|list|delete|diff: the layers of zones of a running server.

import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { Argument, type Command } from 'commander';
import { CommandFailure, EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './exit.ts';
import { Output } from './output.ts';
import { withServerUrl } from './server-url.ts';
import { tableLines } from './table.ts';
import { grouped, printable } from './values.ts';
import { readLayerFile } from './zones-file.ts';
import { type Fault, type PutAnswer, ZonesHttp, ZonesRefusal } from './zones-http.ts';

interface Flags {
  url: string;
  json?: boolean;
  ifMatch?: string;
}

interface PutFlags extends Flags {
  repair?: boolean;
  dryRun?: boolean;
  idProperty?: string;
}

const layerArgument = (): Argument => new Argument('<layer>', "the layer's name");

type Done = (exitCode: number) => void;

const EXAMPLES = `
Examples:
  raziel zones put boroughs boroughs.geojson           replace the layer, or make it
  raziel zones diff boroughs boroughs.geojson          what that would change
  raziel zones put counties counties.geojson.gz --repair --id-property GEOID
  raziel zones get boroughs > boroughs.geojson
  raziel zones put boroughs boroughs.geojson --if-match 12    only if nobody changed it since version 12`;

const FILE_HELP = 'GeoJSON, gzipped or not; - is standard input';

export function zonesCommand(program: Command, done: Done): void {
  const zones = program
    .command('zones')
    .description("change and show a server's layers of zones")
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  const add = (name: string, description: string): Command =>
    withServerUrl(zones.command(name).description(description).exitOverride()).option('--json', 'as JSON');
  const upload = (command: Command): Command =>
    command
      .addArgument(layerArgument())
      .addArgument(new Argument('[file]', FILE_HELP).default('-'))
      .option('--repair', 'take what can be repaired, and list what was done')
      .option('--id-property <name>', 'the property that holds the ids of features without one')
      .option('--if-match <version>', 'only if the layer has this version, or * for any');

  upload(add('put', 'replace a layer by a file, or make a new one'))
    .option('--dry-run', 'check the file and show what would change; change nothing')
    .action(async (name: string, file: string, flags: PutFlags) => done(await put(name, file, flags)));
  upload(add('diff', 'check a file and show what it would change')).action(
    async (name: string, file: string, flags: PutFlags) => done(await put(name, file, { ...flags, dryRun: true })),
  );
  add('get', 'write a layer as GeoJSON')
    .addArgument(layerArgument())
    .addArgument(new Argument('[file]', 'where to; .gz is gzipped; - is standard output').default('-'))
    .action(async (name: string, file: string, flags: Flags) => done(await get(name, file, flags)));
  add('list', 'list the layers').action(async (flags: Flags) => done(await list(flags)));
  add('delete', 'remove a layer')
    .addArgument(layerArgument())
    .option('--if-match <version>', 'only if the layer has this version')
    .action(async (name: string, flags: Flags) => done(await remove(name, flags)));
}

async function put(layer: string, file: string, flags: PutFlags): Promise<number> {
  const output = new Output(flags.json === true);
  const body = await readLayerFile(file);
  let answer: PutAnswer;
  try {
    answer = await new ZonesHttp(flags.url).put(layer, body, flags);
  } catch (error) {
    if (error instanceof ZonesRefusal && error.faults.length > 0) return showFaults(error, file, output);
    throw error;
  }
  if (output.json) {
    output.object(answer);
    return EXIT_OK;
  }
  const counts = `${grouped(answer.zones)} zones, ${grouped(answer.vertices)} vertices`;
  if (flags.dryRun === true) {
    for (const [sign, ids] of [
      ['+', answer.added],
      ['-', answer.removed],
      ['~', answer.changed],
    ] as const) {
      for (const id of ids ?? []) output.line(`${sign} ${printable(id)}`);
    }
    const changes = [answer.added, answer.removed, answer.changed].map((ids) => grouped(ids?.length ?? 0));
    output.note(`${counts}: ${changes[0]} to add (+), ${changes[1]} to remove (-), ${changes[2]} to change (~)`);
  } else {
    output.line(`${layer}: version ${answer.version}, ${counts}, in ${answer.buildMs} ms`);
  }
  if (answer.repaired !== undefined && answer.repaired.length > 0) {
    output.note('repaired:');
    for (const line of faultLines(answer.repaired, answer.repairedMore ?? 0)) output.note(line);
  }
  return EXIT_OK;
}

function showFaults(refusal: ZonesRefusal, file: string, output: Output): number {
  if (output.json) {
    output.object({ error: refusal.body });
    return EXIT_FAILURE;
  }
  const count = refusal.faults.length + refusal.more;
  const name = file === '-' ? 'standard input' : file;
  output.note(`${name} has ${grouped(count)} fault${count === 1 ? '' : 's'}; nothing was changed`);
  for (const line of faultLines(refusal.faults, refusal.more)) output.note(line);
  return EXIT_FAILURE;
}

const cell = (value: number | undefined): string => (value === undefined ? '' : String(value));

function faultLines(faults: readonly Fault[], more: number): string[] {
  const rows = faults.map(({ feature, part, ring, position, code, message }) => [
    cell(feature),
    cell(part),
    cell(ring),
    cell(position),
    code,
    printable(message),
  ]);
  const lines = tableLines(['feature', 'part', 'ring', 'position', 'code', 'what'], rows, [0, 1, 2, 3]);
  return more === 0 ? lines : [...lines, `… and ${grouped(more)} more`];
}

async function get(layer: string, file: string, { url }: Flags): Promise<number> {
  const { text, etag } = await new ZonesHttp(url).get(layer);
  if (file === '-') process.stdout.write(`${text}\n`);
  else writeLayer(file, text);
  new Output(false).note(`${layer}: version ${etag.replaceAll('"', '')}`);
  return EXIT_OK;
}

function writeLayer(file: string, text: string): void {
  try {
    writeFileSync(file, file.endsWith('.gz') ? gzipSync(text) : text);
  } catch (error) {
    throw new CommandFailure(EXIT_USAGE, `cannot write ${file}: ${(error as Error).message}`);
  }
}

async function list({ url, json }: Flags): Promise<number> {
  const output = new Output(json === true);
  const { version, layers } = await new ZonesHttp(url).list();
  if (output.json) {
    for (const layer of layers) output.object(layer);
    return EXIT_OK;
  }
  const rows = layers.map((layer) => [
    layer.layer,
    String(layer.version),
    grouped(layer.zones),
    grouped(layer.vertices),
  ]);
  if (layers.length > 0) {
    for (const line of tableLines(['layer', 'version', 'zones', 'vertices'], rows, [1, 2, 3])) output.line(line);
  }
  const counted = layers.length === 1 ? '1 layer' : `${layers.length === 0 ? 'no' : layers.length} layers`;
  output.note(`${counted}, version ${version}`);
  return EXIT_OK;
}

async function remove(layer: string, { url, json, ifMatch }: Flags): Promise<number> {
  const output = new Output(json === true);
  const answer = await new ZonesHttp(url).remove(layer, ifMatch);
  if (output.json) output.object(answer);
  else output.line(`${layer}: removed, version ${answer.version}`);
  return EXIT_OK;
}
