// Tokens, their file, and what a thread knows of them.

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashToken, newToken } from '../../../src/access/token.ts';
import { parseTokens } from '../../../src/access/tokens-file.ts';
import { type TokenRecord, Tokens } from '../../../src/access/tokens.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const record = (token: string, more: Partial<TokenRecord> = {}): TokenRecord => ({
  name: token,
  sha256: sha256(token),
  scopes: ['search'],
  ...more,
});

test('a token is 256 random bits behind a prefix', () => {
  const tokens = Array.from({ length: 100 }, newToken);
  for (const token of tokens) expect(token).toMatch(/^raziel_[\w-]{43}$/);
  expect(new Set(tokens).size).toBe(100);
  expect(hashToken('abc')?.toString('hex')).toBe(sha256('abc'));
});

test('what is empty or too long is no token and is not hashed', () => {
  expect(hashToken('')).toBeUndefined();
  expect(hashToken('x'.repeat(257))).toBeUndefined();
});

test('a token is found by itself alone', () => {
  const tokens = new Tokens([record('a'), record('b')]);
  expect(tokens.find('a')?.name).toBe('a');
  expect(tokens.find('b')?.name).toBe('b');
  for (const wrong of ['', 'A', 'ab', 'c', sha256('a')]) expect(tokens.find(wrong)).toBeUndefined();
});

test('the whole hash counts, not only the part that it is found by', () => {
  const right = sha256('a');
  const near = right.slice(0, 63) + (right.endsWith('0') ? '1' : '0');
  expect(new Tokens([record('a', { sha256: near })]).find('a')).toBeUndefined();
});

test('when the tokens change, grants that stay are the same ones with the new rights, and the others are revoked', () => {
  const tokens = new Tokens([record('a'), record('b')]);
  const [a, b] = [tokens.find('a'), tokens.find('b')];
  expect(a?.hotOps).not.toBe(0);
  tokens.replace([record('b', { scopes: ['ingest'] })]);
  expect(a?.revoked).toBe(true);
  expect(a?.hotOps).toBe(0);
  expect(() => a?.require('search')).toThrow('not one of this server');
  expect(tokens.find('a')).toBeUndefined();
  expect(tokens.find('b')).toBe(b);
  expect(b?.revoked).toBe(false);
  expect(() => b?.require('search')).toThrow('lacks the scope search');
  expect(() => b?.require('ingest')).not.toThrow();
});

test.each([
  ['{"tokens":[]}', undefined],
  [{ name: 'a', sha256: sha256('a'), scopes: [] }, undefined],
  [
    { name: 'a', sha256: sha256('a').toUpperCase(), scopes: ['search', 'admin'], idPrefixes: ['x'], perSecond: 0.5 },
    undefined,
  ],
  ['{', 'is not JSON'],
  ['[]', 'the file'],
  ['{"tokens":[],"more":1}', 'more'],
  [{ name: '', sha256: sha256('a'), scopes: [] }, 'tokens.0.name'],
  [{ name: 'a b', sha256: sha256('a'), scopes: [] }, 'tokens.0.name'],
  [{ name: 'a', sha256: 'abc', scopes: [] }, 'tokens.0.sha256'],
  [{ name: 'a', sha256: sha256('a') }, 'tokens.0.scopes'],
  [{ name: 'a', sha256: sha256('a'), scopes: ['everything'] }, 'tokens.0.scopes.0'],
  [{ name: 'a', sha256: sha256('a'), scopes: [], idPrefixes: [] }, 'tokens.0.idPrefixes'],
  [{ name: 'a', sha256: sha256('a'), scopes: [], idPrefixes: [''] }, 'tokens.0.idPrefixes.0'],
  [{ name: 'a', sha256: sha256('a'), scopes: [], idPrefix: 'x' }, 'idPrefix'],
  [{ name: 'a', sha256: sha256('a'), scopes: [], perSecond: 0 }, 'tokens.0.perSecond'],
])('a file with %j is taken, or refused by what is wrong: %s', (given, fault) => {
  const text = typeof given === 'string' ? given : JSON.stringify({ tokens: [given] });
  if (fault === undefined) expect(() => parseTokens(text, 'f')).not.toThrow();
  else expect(() => parseTokens(text, 'f')).toThrow(fault);
});

test('two tokens of one name or of one hash are refused', () => {
  const entry = (name: string, of: string) => ({ name, sha256: sha256(of), scopes: [] });
  const file = (...tokens: object[]) => JSON.stringify({ tokens });
  expect(() => parseTokens(file(entry('a', '1'), entry('a', '2')), 'f')).toThrow('two tokens have the name of a');
  expect(() => parseTokens(file(entry('a', '1'), entry('b', '1')), 'f')).toThrow('two tokens have the hash of b');
});
