// What is in deploy/: that it can be read by what it is for, and asks for nothing that there is not. Whether the image builds, only Docker can tell.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { SETTINGS } from '../../src/config-settings.ts';

const pathOf = (file: string): string => fileURLToPath(new URL(`../../deploy/${file}`, import.meta.url));
const read = (file: string): string => readFileSync(pathOf(file), 'utf8');

/** Whether a command is there and ends well. */
const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

function parsed(file: string): Record<string, unknown> {
  const script = 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))';
  const { status, stdout, stderr } = spawnSync('python3', ['-c', script, pathOf(file)]);
  if (status !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString()) as Record<string, unknown>;
}

describe('the YAML', () => {
  const hasYaml = works('python3', '-c', 'import yaml');
  if (!hasYaml) console.warn('DEPLOY/*.YAML IS NOT TESTED: python3 has no yaml');

  test.skipIf(!hasYaml)('of compose names the files that there are', () => {
    const services = parsed('compose.yaml')['services'] as Record<string, { volumes: string[]; build?: object }>;
    expect(Object.keys(services)).toEqual(['raziel', 'prometheus']);
    const mounted = services['prometheus']?.volumes.map((volume) => volume.split(':')[0] as string) ?? [];
    for (const file of mounted.filter((name) => name.endsWith('.yaml'))) expect(parsed(file)).toBeTypeOf('object');
    expect(mounted.filter((name) => name.endsWith('.yaml'))).toHaveLength(2);
  });

  test.skipIf(!hasYaml)('of the alerts has an expression, a severity and a summary for each', () => {
    const { groups } = parsed('alerts.yaml') as { groups: { rules: Record<string, unknown>[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(5);
    for (const rule of rules) {
      expect(rule).toMatchObject({
        alert: expect.stringMatching(/^Raziel[A-Z]/),
        expr: expect.any(String),
        labels: { severity: expect.stringMatching(/^(?:page|warn)$/) },
        annotations: { summary: expect.stringMatching(/[.?]$/) },
      });
    }
    expect(new Set(rules.map((rule) => rule['alert'])).size).toBe(rules.length);
  });

  const hasPromtool = works('promtool', '--version');
  if (!hasPromtool) console.warn('THE EXPRESSIONS OF DEPLOY/ALERTS.YAML ARE NOT CHECKED: there is no promtool');

  test.skipIf(!hasPromtool)('of the alerts is what promtool takes', () => {
    const { status, stderr } = spawnSync('promtool', ['check', 'rules', pathOf('alerts.yaml')]);
    expect([status, stderr.toString()]).toEqual([0, '']);
  });
});

describe('the unit', () => {
  const hasSystemd = works('systemd-analyze', '--version');
  if (!hasSystemd) console.warn('DEPLOY/RAZIEL.SERVICE IS NOT TESTED: there is no systemd-analyze');

  test.skipIf(!hasSystemd)('is one that systemd understands', () => {
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', pathOf('raziel.service')]);
    // That the machine of the test has no such programs or users is not the unit's fault.
    const complaints = stderr
      .toString()
      .split('\n')
      .filter((line) => line.includes('raziel.service') && !/not executable|No such file/.test(line));
    expect(complaints).toEqual([]);
  });
});

test('only settings that there are, are set', () => {
  const variables = new Set(SETTINGS.map(({ variable }) => variable));
  const flags = new Set([...SETTINGS.map(({ flag }) => flag), '--config']);
  for (const file of ['Dockerfile', 'compose.yaml']) {
    const set = [...read(file).matchAll(/\bRAZIEL_[A-Z_]*[A-Z]/g)].map(([name]) => name);
    expect(set.filter((name) => !variables.has(name))).toEqual([]);
  }
  const start = /^ExecStart=(.*)$/m.exec(read('raziel.service'))?.[1] ?? '';
  expect([...start.matchAll(/--[a-z-]+/g)].map(([name]) => name).filter((name) => !flags.has(name))).toEqual([]);
});

test('the image runs without rights, keeps its data in a volume, says whether it is alive, and takes no tokens in', () => {
  const dockerfile = read('Dockerfile');
  const runtime = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  expect(runtime).toMatch(/^USER (?!root)\w+$/m);
  expect(runtime).toMatch(/^VOLUME \/var\/lib\/raziel$/m);
  expect(runtime).toMatch(/^HEALTHCHECK .*\\\n\s+CMD \["node", "-e", ".*\/healthz.*"\]$/m);
  expect(read('Dockerfile.dockerignore')).toMatch(/^deploy\/tokens$/m);
});
