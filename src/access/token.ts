// A token: 256 random bits behind a prefix by which people, and programs that look for leaked secrets, recognise one.
//
//   raziel_3q2-7wAA…   (43 characters of base64url after the prefix)
//
// Only SHA-256 hashes are kept. A slow, salted hash is for passwords, which can be guessed; of 2^256 tokens nobody guesses one, and a fast
// hash can be taken for every request.

import { hash, randomBytes } from 'node:crypto';

const PREFIX = 'raziel_';
const RANDOM_BYTES = 32;
/** A longer text is no token of ours and is not hashed. */
const TOKEN_LENGTH_MAX = 256;

export function newToken(): string {
  return `${PREFIX}${randomBytes(RANDOM_BYTES).toString('base64url')}`;
}

/** SHA-256, 32 bytes; undefined for what cannot be a token. Hashes of tokens made elsewhere work as well. */
export function hashToken(token: string): Buffer | undefined {
  if (token === '' || token.length > TOKEN_LENGTH_MAX) return undefined;
  return hash('sha256', token, 'buffer');
}
