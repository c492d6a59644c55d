// Whatever a request says of its caller, the gate lets it in or refuses it in words; it never breaks.

import { expect, test } from 'vitest';
import { Gate } from '../../../src/access/gate.ts';
import { type OriginOptions, Origins } from '../../../src/access/origins.ts';
import { Refusal } from '../../../src/access/refusals.ts';
import { hashToken } from '../../../src/access/token.ts';
import { Tokens } from '../../../src/access/tokens.ts';
import { seededRandom } from '../../../src/demo/random.ts';

const TOKEN = 'raziel_right';
const tokens = new Tokens([{ name: 'a', sha256: hashToken(TOKEN)?.toString('hex') ?? '', scopes: ['search'] }]);

function gate(options: Partial<OriginOptions> = {}, withTokens = true): Gate {
  const all = { host: '127.0.0.1', allowHost: [], allowOrigin: [], hasTokens: withTokens, ...options };
  return new Gate(new Origins(all), withTokens ? tokens : undefined);
}

const PIECES = [
  '',
  'http://',
  'https://',
  'localhost',
  '127.0.0.1',
  '[::1]',
  ':7400',
  ':',
  '.',
  '/',
  '@',
  ' ',
  '%00',
  '[',
  ']',
  'null',
  'é',
  'a'.repeat(300),
];
const SCHEMES = ['', 'Bearer', 'bearer ', 'Bearer  ', 'Basic ', 'Bearer\t'];

test('random headers are let in or refused, by a seed', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const text = (): string => Array.from({ length: Math.floor(random() * 5) }, () => pick(PIECES)).join('');
  const gates = [
    gate(),
    gate({}, false),
    gate({ allowHost: ['a.example'], allowOrigin: ['https://b.example'] }, false),
  ];
  for (let i = 0; i < 20_000; i++) {
    const authorization = pick(SCHEMES) + pick([TOKEN, '', 'raziel_wrong', text()]);
    const caller = { host: text(), origin: text(), fetchSite: pick(['', 'cross-site', 'none', text()]), authorization };
    const one = pick(gates);
    for (const work of [
      () => one.screen(caller, pick(['open', 'token', 'search', 'ingest'])),
      () => one.preflight(caller),
      () => one.admit(caller, 'search'),
      () => one.admitSocket(caller, text()),
    ]) {
      try {
        work();
      } catch (error) {
        if (!(error instanceof Refusal)) throw new Error(`seed ${seed}: ${JSON.stringify(caller)}`, { cause: error });
        expect(error.message).not.toContain(TOKEN);
      }
    }
  }
});

test.each([
  ['Bearer raziel_right', true],
  ['bearer   raziel_right ', true],
  ['Bearer raziel_right more', false],
  ['Bearer', false],
  ['raziel_right', false],
  ['Basic raziel_right', false],
])('the header %j is that of the token: %s', (authorization, isRight) => {
  const work = () => gate().admit({ authorization }, 'search');
  if (isRight) expect(work().name).toBe('a');
  else expect(work).toThrow(Refusal);
});

test.each([
  ['http://127.0.0.1:7400', '127.0.0.1:7400', true],
  ['https://geo.example.com', 'geo.example.com', true],
  ['https://geo.example.com', 'GEO.example.com:443', true],
  ['http://geo.example.com', 'geo.example.com:80', true],
  ['http://geo.example.com', 'geo.example.com:7400', false],
  ['https://geo.example.com:444', 'geo.example.com', false],
  ['https://geo.example.com.evil.example', 'geo.example.com', false],
  ['https://evil.example@geo.example.com', 'evil.example', false],
  ['null', '', false],
  ['data:text/html,x', '127.0.0.1', false],
])('a page of %s is the own one of the host %s: %s', (origin, host, isOwn) => {
  const work = () => gate().screen({ host, origin, fetchSite: '', authorization: '' }, 'search');
  if (isOwn) expect(work()).toEqual([]);
  else expect(work).toThrow('browsers may not ask');
});

test('any origin and any host can be allowed', () => {
  const open = gate({ allowHost: ['*'], allowOrigin: ['*'] }, false);
  const caller = { host: 'any.example', origin: 'https://other.example', fetchSite: 'cross-site', authorization: '' };
  expect(open.screen(caller, 'ingest')).toContainEqual(['access-control-allow-origin', 'https://other.example']);
});
