// How callers are turned away: the codes of access control, with the headers that HTTP adds.

import { type ErrorCode, RazielError, type RazielErrorDetail } from '../errors.ts';
import type { Need } from './scopes.ts';

export class Refusal extends RazielError {
  readonly headers: readonly (readonly [string, string])[];

  constructor(
    code: ErrorCode,
    message: string,
    headers: readonly (readonly [string, string])[] = [],
    detail: RazielErrorDetail = {},
  ) {
    super(code, message, detail);
    this.headers = headers;
  }
}

/** RFC 6750, 3: no error is named to a caller that showed no token at all. */
export function noToken(): Refusal {
  const message = 'a token is needed: Authorization: Bearer, or ?token= for a WebSocket';
  return new Refusal('UNAUTHENTICATED', message, [['www-authenticate', 'Bearer realm="raziel"']]);
}

export function wrongToken(): Refusal {
  const challenge = 'Bearer realm="raziel", error="invalid_token"';
  return new Refusal('UNAUTHENTICATED', 'the token is not one of this server', [['www-authenticate', challenge]]);
}

export function missingScope(name: string, need: Need): Refusal {
  const challenge = `Bearer realm="raziel", error="insufficient_scope", scope="${need}"`;
  const message = `the token ${JSON.stringify(name)} lacks the scope ${need}`;
  return new Refusal('FORBIDDEN', message, [['www-authenticate', challenge]]);
}

/** @param index of the fix in its batch */
export function foreignId(id: string, index?: number): Refusal {
  const shown = JSON.stringify(id.slice(0, 60));
  const detail = index === undefined ? { field: 'id' } : { field: 'batch', index };
  return new Refusal('FORBIDDEN', `the token may not write the id ${shown}; its prefixes are others`, [], detail);
}

export function callForbidden(): Refusal {
  return new Refusal('FORBIDDEN', 'a token with id prefixes may not call services by name', [], { field: 'service' });
}

export function rateLimited(name: string, perSecond: number, retryAfterMs: number): Refusal {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  const message = `the token ${JSON.stringify(name)} may ask ${perSecond} times a second; try again in ${seconds} s`;
  return new Refusal('RATE_LIMITED', message, [['retry-after', String(seconds)]]);
}
