// The tokens that a serving thread knows, by their hashes, and the grants of those in use.

import { timingSafeEqual } from 'node:crypto';
import { Grant, type Rights } from './grant.ts';
import { hashToken } from './token.ts';

/** A token as the main thread hands it to the serving threads. */
export interface TokenRecord extends Rights {
  /** 64 hexadecimal digits, lower case. */
  readonly sha256: string;
}

interface Known {
  readonly hash: Buffer;
  readonly grant: Grant;
}

/** Hexadecimal digits of a hash by which it is found. */
const KEY_DIGITS = 16;

export class Tokens {
  /**
   * By the first 64 bits of the hash. What the time of that lookup tells is about the hash of what the caller sent, which nobody can turn
   * into a token; the hash as a whole is compared in constant time.
   */
  #known = new Map<string, Known>();

  constructor(records: readonly TokenRecord[]) {
    this.replace(records);
  }

  /** The grant of a token, the same one for all who show it; undefined for a token that there is not. */
  find(token: string): Grant | undefined {
    const hash = hashToken(token);
    if (hash === undefined) return undefined;
    const known = this.#known.get(hash.toString('hex').slice(0, KEY_DIGITS));
    return known !== undefined && timingSafeEqual(known.hash, hash) ? known.grant : undefined;
  }

  /** From now on these are the tokens. Grants of tokens that stay are changed in place, those of the others revoked. */
  replace(records: readonly TokenRecord[]): void {
    const before = this.#known;
    this.#known = new Map();
    for (const record of records) {
      const key = record.sha256.slice(0, KEY_DIGITS);
      const hash = Buffer.from(record.sha256, 'hex');
      const old = before.get(key);
      if (old !== undefined && old.hash.equals(hash)) {
        old.grant.change(record);
        before.delete(key);
        this.#known.set(key, old);
      } else {
        this.#known.set(key, { hash, grant: new Grant(record) });
      }
    }
    for (const { grant } of before.values()) grant.revoke();
  }
}
