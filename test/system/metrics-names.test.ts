// /metrics by the rules that promtool's linter has (https://prometheus.io/docs/practices/naming/), and what alerts and documents ask of it.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BootedServer, bootServer } from '../support/booted-server.ts';

interface Family {
  readonly name: string;
  help: string;
  type: string;
}

let server: BootedServer;
let text: string;
const families = new Map<string, Family>();

beforeAll(async () => {
  server = await bootServer('--log-level', 'warn', '--threads', '2');
  text = await (await fetch(`${server.url}/metrics`)).text();
  for (const line of text.split('\n')) {
    const match = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (match === null) continue;
    const [, what, name, value] = match as unknown as [string, string, string, string];
    const family = families.get(name) ?? { name, help: '', type: '' };
    if (what === 'HELP') family.help = value;
    else family.type = value;
    families.set(name, family);
  }
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

/** Names of the families that break a rule. */
const breaking = (isBroken: (family: Family) => boolean): string[] =>
  [...families.values()].filter(isBroken).map(({ name }) => name);

test('there are metrics, each with a type and a sentence of help', () => {
  expect(families.size).toBeGreaterThan(30);
  expect(breaking(({ help }) => !/^[A-Z0-9].*[^.]\.$/.test(help))).toEqual([]);
  expect(breaking(({ type }) => !['counter', 'gauge', 'histogram'].includes(type))).toEqual([]);
});

test('names are in snake case and say whose they are', () => {
  expect(breaking(({ name }) => !/^(?:raziel|process|nodejs)(?:_[a-z0-9]+)+$/.test(name))).toEqual([]);
});

test('counters, and no others, end in _total', () => {
  expect(breaking(({ name, type }) => (type === 'counter') !== name.endsWith('_total'))).toEqual([]);
});

test('units are base units, at the end', () => {
  const units =
    /_(?:milliseconds|ms|micros|microseconds|minutes|hours|kb|kib|mb|mib|megabytes|kilobytes|percent|km)(?:_|$)/;
  expect(breaking(({ name }) => units.test(name))).toEqual([]);
  expect(breaking(({ name }) => /_(?:seconds|bytes)_(?!total$)/.test(name))).toEqual([]);
  expect(breaking(({ name, type }) => type === 'histogram' && !/_(?:seconds|bytes|meters)$/.test(name))).toEqual([]);
});

test('no name ends in what histograms add, nor repeats its type', () => {
  expect(breaking(({ name }) => /_(?:count|sum|bucket|gauge|counter|histogram)$/.test(name))).toEqual([]);
});

test('the event loop of each serving thread has its delay', () => {
  for (const thread of [0, 1]) {
    expect(text).toMatch(new RegExp(`^raziel_event_loop_delay_p99_seconds\\{thread="${thread}"\\} \\d`, 'm'));
    expect(text).toMatch(new RegExp(`^raziel_event_loop_delay_max_seconds\\{thread="${thread}"\\} \\d`, 'm'));
  }
});

test('each operation has its buckets in one histogram', () => {
  for (const op of ['locations', 'nearest', 'within', 'multisearch', 'supply', 'zonesAt', 'zones']) {
    expect(text).toMatch(new RegExp(`^raziel_request_duration_seconds_bucket\\{op="${op}",le="\\+Inf"\\} \\d`, 'm'));
  }
});

test.each(['deploy/alerts.yaml', 'docs/operating.md', 'docs/protocol.md'])(
  '%s asks for metrics that there are',
  (file) => {
    const asked = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').matchAll(/\braziel_[a-z0-9_]+/g);
    const names = new Set([...asked].map(([name]) => name.replace(/_(?:bucket|sum|count)$/, '')));
    // A name that ends in _ stands for all that begin so.
    const isThere = (name: string): boolean =>
      families.has(name) || (name.endsWith('_') && [...families.keys()].some((known) => known.startsWith(name)));
    expect([...names].filter((name) => !isThere(name))).toEqual([]);
  },
);
