// The tokens of a file as the serving threads get them: each with the shared bucket of its rate. A reload keeps the buckets of tokens that stay,
// so that it is no way to start over.

import type { TokenRecord } from './tokens.ts';
import { newBucket } from './rate.ts';
import { readTokensFile } from './tokens-file.ts';

/** @throws TokensFileError */
export async function loadTokens(file: string, before: readonly TokenRecord[] = []): Promise<readonly TokenRecord[]> {
  const entries = await readTokensFile(file);
  const buckets = new Map(before.map(({ sha256, rate }) => [sha256, rate?.bucket]));
  return entries.map(({ name, sha256, scopes, idPrefixes, perSecond }) => ({
    name,
    sha256,
    scopes,
    idPrefixes,
    rate: perSecond === undefined ? undefined : { perSecond, bucket: buckets.get(sha256) ?? newBucket() },
  }));
}
