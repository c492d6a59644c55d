import { expect, test } from 'vitest';
import { SETTINGS } from '../../../src/config-settings.ts';
import { ConfigError } from '../../../src/config-file.ts';
import { readConfig } from '../../../src/config-sources.ts';

test('the configuration has a default for every setting', () => {
  expect(readConfig()).toMatchObject({
    host: '127.0.0.1',
    port: 7400,
    engine: 'auto',
    inFlightMax: 16_384,
    insecure: false,
  });
});

test('a flag wins over the environment, and the environment over the default', () => {
  const environment = { RAZIEL_PORT: '7501', RAZIEL_TTL: '1.5', RAZIEL_INSECURE: '1' };
  expect(readConfig({ port: '7502' }, environment)).toMatchObject({ port: 7502, ttl: 1.5, insecure: true });
});

test('flags are the names in kebab case', () => {
  expect(SETTINGS.find(({ name }) => name === 'driversMax')).toMatchObject({
    flag: '--drivers-max',
    variable: 'RAZIEL_DRIVERS_MAX',
    isSwitch: false,
  });
});

test.each([
  [{ port: 'http' }, '--port'],
  [{ port: '' }, '--port'],
  [{ threads: 1.5 }, '--threads'],
  [{ ttl: 0 }, '--ttl'],
  [{ host: '10.0.0.1' }, '--insecure'],
  [{ engine: 'fast' }, '--engine'],
  [{ frameBytesMax: 32 * 1024 * 1024 }, '--held-bytes-max'],
  [{ speed: 3 }, 'speed'],
  [{ allowOrigin: 'ops.example.com' }, '--allow-origin'],
  [{ allowOrigin: 'https://a.example/path' }, 'must be origins'],
  [{ allowHost: 'geo.example.com:7400' }, 'without a port'],
  [{ allowHost: 'https://geo.example.com' }, '--allow-host'],
  [{ tlsCert: 'a.pem' }, 'come together'],
])('%j is refused in a message with %s', (given, text) => {
  expect(() => readConfig(given)).toThrow(ConfigError);
  expect(() => readConfig(given)).toThrow(text);
});

test('lists are written with commas, or as a list', () => {
  const origins = ['https://a.example', 'http://localhost:3000', '*', 'null', 'capacitor://localhost'];
  expect(readConfig({ allowOrigin: origins.join(', ') }).allowOrigin).toEqual(origins);
  expect(readConfig({ allowOrigin: origins, allowHost: '' })).toMatchObject({ allowOrigin: origins, allowHost: [] });
});

test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('%s needs no --insecure', (host) => {
  expect(readConfig({ host }).host).toBe(host);
});
