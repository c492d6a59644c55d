// The file of tokens (`--auth FILE`), checked: names, hashes, scopes and limits, never a token itself.
//
//   {"tokens":[{"name":"dispatch-ui","sha256":"9f86d0…","scopes":["search","dispatch"],"idPrefixes":["cab-"],"perSecond":200}]}

import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ID_BYTES_MAX, TOKEN_PREFIXES_MAX, TOKENS_MAX } from '../limits.ts';
import { SCOPES } from './scopes.ts';

const ENTRY = z
  .object({
    /** What the log and error messages call it; not secret. */
    name: z.string().regex(/^[\w.@:-]{1,64}$/, 'must be 1 to 64 letters, digits or . _ - @ :'),
    /** Of the token's text, in hexadecimal. */
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits')
      .toLowerCase(),
    scopes: z.array(z.enum(SCOPES)),
    /** Ids of drivers that may be written, removed and claimed begin with one of these; absent: all may be. */
    idPrefixes: z
      .array(
        z
          .string()
          .min(1)
          .refine((text) => Buffer.byteLength(text) <= ID_BYTES_MAX, `has at most ${ID_BYTES_MAX} bytes`),
      )
      .min(1)
      .max(TOKEN_PREFIXES_MAX)
      .optional(),
    /** Requests a second, a batch of fixes counted by its fixes; absent: no limit. */
    perSecond: z.number().min(1e-6).max(1e9).optional(),
  })
  .strict();

const FILE = z.object({ tokens: z.array(ENTRY).max(TOKENS_MAX) }).strict();

export type TokenEntry = Readonly<z.infer<typeof ENTRY>>;

/** A file of tokens that cannot be used. Messages quote no more of it than names and what is wrong. */
export class TokensFileError extends Error {}

/** @throws TokensFileError */
export async function readTokensFile(file: string): Promise<readonly TokenEntry[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new TokensFileError(`cannot read the tokens: ${(error as Error).message}`);
  }
  return parseTokens(text, file);
}

/** @throws TokensFileError */
export function parseTokens(text: string, file: string): readonly TokenEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What JSON.parse says quotes the file.
    throw new TokensFileError(`${file} is not JSON`);
  }
  const parsed = FILE.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`);
    throw new TokensFileError(`${file}: ${faults.slice(0, 10).join('; ')}`);
  }
  const { tokens } = parsed.data;
  for (const [what, key] of [
    ['name', 'name'],
    ['hash', 'sha256'],
  ] as const) {
    const seen = new Map<string, string>();
    for (const token of tokens) {
      if (seen.has(token[key])) throw new TokensFileError(`${file}: two tokens have the ${what} of ${token.name}`);
      seen.set(token[key], token.name);
    }
  }
  return tokens;
}
