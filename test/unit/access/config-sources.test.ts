// Settings from a file, the environment and flags: which wins, what is refused, what is shown.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { SETTINGS, type Setting } from '../../../src/config-settings.ts';
import { ConfigError, readConfigFile } from '../../../src/config-file.ts';
import { effectiveConfig, readConfig, shownValue } from '../../../src/config-sources.ts';

const directory = mkdtempSync(join(tmpdir(), 'raziel-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(content: unknown, name = 'raziel.json'): string {
  const file = join(directory, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

test('flags win over the environment, that over the file, and that over the defaults', () => {
  const file = fileOf({ port: 1, ttl: 1, driversMax: 1 });
  const environment = { RAZIEL_PORT: '2', RAZIEL_TTL: '2' };
  const { config, settings } = effectiveConfig({ port: '3', config: file }, environment);
  expect(config).toMatchObject({ port: 3, ttl: 2, driversMax: 1, batchFixesMax: 10_000 });
  const origin = (name: string) => {
    const { source, from } = settings.find(({ setting }) => setting.name === name) ?? {};
    return [source, from];
  };
  expect(origin('port')).toEqual(['flag', '--port']);
  expect(origin('ttl')).toEqual(['environment', 'RAZIEL_TTL']);
  expect(origin('driversMax')).toEqual(['file', file]);
  expect(origin('batchFixesMax')).toEqual(['default', '']);
});

test('the environment can name the file, and a flag another', () => {
  const [one, two] = [fileOf({ port: 1 }, 'one.json'), fileOf({ port: 2 }, 'two.json')];
  expect(readConfig({}, { RAZIEL_CONFIG: one }).port).toBe(1);
  expect(readConfig({ config: two }, { RAZIEL_CONFIG: one }).port).toBe(2);
});

test('a switch that the file turns on can be turned off by a flag or the environment', () => {
  const config = fileOf({ insecure: true, host: '0.0.0.0' });
  expect(readConfig({ config }).insecure).toBe(true);
  expect(readConfig({ config, insecure: 'false', host: '127.0.0.1' }).insecure).toBe(false);
  expect(readConfig({ config, host: '127.0.0.1' }, { RAZIEL_INSECURE: '0' }).insecure).toBe(false);
});

test.each([
  ['drivers-max', 'driversMax'],
  ['DriverMax', 'driversMax'],
  ['RAZIEL_IN_FLIGHT_MAX', 'inFlightMax'],
  ['prot', 'port'],
])('an unknown setting %s of a file is refused, and %s suggested', (name, meant) => {
  const file = fileOf({ [name]: 1 });
  expect(() => readConfig({ config: file })).toThrow(
    `${file}: unknown setting ${JSON.stringify(name)}; did you mean ${meant}?`,
  );
});

test('an unknown setting that is near to none gets no suggestion', () => {
  expect(() => readConfig({ config: fileOf({ colour: 1 }) })).toThrow(/unknown setting "colour"$/);
});

test.each([
  ['{"port": "7400"}', 'port "7400": must be a number'],
  ['{"insecure": 1}', 'insecure 1: must be true or false'],
  ['{"port": 70000}', 'port 70000'],
  ['{"frameBytesMax": 33554432}', '--held-bytes-max: must be at least frameBytesMax'],
  ['{"port": 1', 'is not JSON'],
  ['[]', 'must be one JSON object'],
  ['null', 'must be one JSON object'],
])('a file with %s is refused: %s', (text, message) => {
  const config = fileOf(text);
  expect(() => readConfig({ config })).toThrow(ConfigError);
  expect(() => readConfig({ config })).toThrow(message);
});

test('every fault of a file is named at once', () => {
  try {
    readConfig({ config: fileOf({ prot: 1, port: 'x', ttk: 3 }) });
    expect.unreachable();
  } catch (error) {
    expect((error as ConfigError).faults).toHaveLength(3);
  }
});

test('what is best written as text is so in a file too', () => {
  const config = fileOf({ maxMemory: '2GiB', idEpoch: '2024-02-01T00:00:00Z' });
  expect(readConfig({ config })).toMatchObject({ maxMemory: 2 ** 31, idEpoch: Date.UTC(2024, 1, 1) });
  expect(() => readConfig({ config: fileOf({ maxMemory: 'much' }) })).toThrow('maxMemory "much"');
});

test('null in a file leaves a setting as it was', () => {
  expect(readConfig({ config: fileOf({ port: null }) }).port).toBe(7400);
});

test('a file that is not there is refused with its name', () => {
  expect(() => readConfig({ config: join(directory, 'nowhere.json') })).toThrow(/nowhere\.json/);
});

test('a value of the environment that is refused is refused by its variable', () => {
  expect(() => readConfig({}, { RAZIEL_PORT: 'tcp://10.0.0.1:7400' })).toThrow(/^RAZIEL_PORT "tcp:/);
});

test('paths of a file are relative to that file', () => {
  mkdirSync(join(directory, 'below'), { recursive: true });
  for (const { name, isPath } of SETTINGS) {
    if (!isPath) continue;
    const values = readConfigFile(fileOf({ [name]: 'a/b' }, 'below/raziel.json'));
    expect(values[name]).toBe(join(directory, 'below/a/b'));
  }
});

test('secrets and passwords inside of URLs are not shown', () => {
  const setting = { ...(SETTINGS[0] as Setting), isSecret: true };
  const show = (value: unknown, isSecret: boolean) =>
    shownValue({ setting: { ...setting, isSecret }, value, source: 'flag', from: '' });
  expect(show('hunter2', true)).toBe('(set, not shown)');
  expect(show(undefined, true)).toBe(null);
  expect(show('https://me:hunter2@example.com/x', false)).toBe('https://…@example.com/x');
});
