// Where settings come from, in rising precedence: defaults, the configuration file, the environment, flags. They are checked together, and
// each value keeps the name of its source, so that a refusal and `raziel config` can say which file, variable or flag to look at.
//
//   readConfig({ port: '0' }, process.env) → { port: 0, host: '127.0.0.1', … }

import { type Config, SCHEMA } from './config.ts';
import { type Setting, SETTINGS } from './config-settings.ts';
import { ConfigError, readConfigFile } from './config-file.ts';

export interface EffectiveSetting {
  readonly setting: Setting;
  readonly value: unknown;
  readonly source: 'default' | 'file' | 'environment' | 'flag';
  /** The flag, variable or file; empty for a default. */
  readonly from: string;
}

export interface EffectiveConfig {
  readonly config: Config;
  /** In the order of the table. */
  readonly settings: readonly EffectiveSetting[];
}

/** The name under which flags and RAZIEL_CONFIG hand over the configuration file. */
const FILE_NAME = 'config';
const FILE_FLAG = '--config';
const FILE_VARIABLE = 'RAZIEL_CONFIG';

interface Given {
  readonly value: unknown;
  readonly source: EffectiveSetting['source'];
  readonly from: string;
}

/**
 * @param given by name as in Config, and `config` for the file; text is read as the type it should have; undefined is absent
 * @param environment for what `given` leaves out
 * @throws ConfigError that names every bad setting, where it comes from, and why
 */
export function readConfig(
  given: Readonly<Record<string, unknown>> = {},
  environment: Readonly<Record<string, string | undefined>> = {},
): Config {
  return effectiveConfig(given, environment).config;
}

/** As readConfig, with the source of each value. */
export function effectiveConfig(
  { [FILE_NAME]: givenFile, ...given }: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): EffectiveConfig {
  const file = givenFile ?? (environment[FILE_VARIABLE] || undefined);
  if (file !== undefined && (typeof file !== 'string' || file === '')) {
    throw new ConfigError([`${FILE_FLAG}: must name a file`]);
  }
  const inFile = file === undefined ? {} : readConfigFile(file);
  const sources = new Map<string, Given>();
  for (const [name, value] of Object.entries(given)) {
    const flag = SETTINGS.find((setting) => setting.name === name)?.flag ?? name;
    if (value !== undefined) sources.set(name, { value, source: 'flag', from: flag });
  }
  for (const { name, variable } of SETTINGS) {
    if (sources.has(name)) continue;
    const text = environment[variable] || undefined;
    if (text !== undefined) sources.set(name, { value: text, source: 'environment', from: variable });
    else if (inFile[name] !== undefined) sources.set(name, { value: inFile[name], source: 'file', from: file ?? '' });
  }
  return check(sources);
}

function check(sources: ReadonlyMap<string, Given>): EffectiveConfig {
  const values = Object.fromEntries(Array.from(sources, ([name, { value }]) => [name, value]));
  const parsed = SCHEMA.safeParse(values);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map(({ path, message }) => faultText(String(path[0] ?? ''), message, sources)),
    );
  }
  const config: Config = parsed.data;
  const settings = SETTINGS.map((setting) => {
    const { source, from } = sources.get(setting.name) ?? { source: 'default' as const, from: '' };
    return { setting, value: config[setting.name], source, from };
  });
  return { config, settings };
}

function faultText(name: string, message: string, sources: ReadonlyMap<string, Given>): string {
  const setting = SETTINGS.find((candidate) => candidate.name === name);
  if (setting === undefined) return message;
  const given = sources.get(name);
  if (given === undefined) return `${setting.flag}: ${message}`;
  const place = given.source === 'file' ? `${given.from}: ${name}` : given.from;
  return `${place} ${setting.isSecret ? '(secret)' : JSON.stringify(given.value)}: ${message}`;
}

/** A value as it may be shown: never a secret, nor a password inside of a URL. */
export function shownValue({ setting, value }: EffectiveSetting): unknown {
  if (setting.isSecret) return value === undefined || value === '' ? null : '(set, not shown)';
  return typeof value === 'string' ? value.replace(/(\/\/)[^/@\s]*@/, '$1…@') : (value ?? null);
}
