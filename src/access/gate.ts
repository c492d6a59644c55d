// The one place where every request and every WebSocket is let in or turned away: by where a browser says it comes from, and by its token.

import { Grant } from './grant.ts';
import { type Origins, PREFLIGHT_SECONDS, type Provenance } from './origins.ts';
import { noToken, wrongToken } from './refusals.ts';
import type { Need } from './scopes.ts';
import type { Tokens } from './tokens.ts';

/** What a request says of its caller. */
export interface Caller extends Provenance {
  /** `Authorization`; empty when there is none. */
  readonly authorization: string;
}

type Headers = readonly (readonly [string, string])[];

const EVERYBODY = new Grant(undefined);
const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, DELETE';
const ALLOWED_HEADERS = 'authorization, content-type, accept, if-match, traceparent';

export class Gate {
  readonly #origins: Origins;
  readonly #tokens: Tokens | undefined;

  /** @param tokens undefined when none are asked for */
  constructor(origins: Origins, tokens: Tokens | undefined) {
    this.#origins = origins;
    this.#tokens = tokens;
  }

  /** As Origins.screen, by what the operation needs: reading changes nothing. */
  screen(caller: Caller, need: Need): Headers {
    return this.#origins.screen(
      caller,
      need === 'ingest' || need === 'dispatch' || need === 'zones' || need === 'admin',
    );
  }

  /** The headers that answer a browser's question whether its page may ask. @throws Refusal FORBIDDEN */
  preflight(caller: Caller): Headers {
    return [
      ...this.#origins.screen(caller, true),
      ['access-control-allow-methods', ALLOWED_METHODS],
      ['access-control-allow-headers', ALLOWED_HEADERS],
      ['access-control-max-age', String(PREFLIGHT_SECONDS)],
    ];
  }

  /** @throws Refusal UNAUTHENTICATED, FORBIDDEN */
  admit({ authorization }: Pick<Caller, 'authorization'>, need: Need): Grant {
    if (this.#tokens === undefined || need === 'open') return EVERYBODY;
    const grant = this.#identify(authorization === '' ? undefined : bearerOf(authorization));
    grant.require(need);
    return grant;
  }

  /**
   * A WebSocket's grant: a browser cannot set its headers, so the token may be in the query string.
   * @throws Refusal UNAUTHENTICATED
   */
  admitSocket({ authorization }: Pick<Caller, 'authorization'>, query: string): Grant {
    if (this.#tokens === undefined) return EVERYBODY;
    if (authorization !== '') return this.admit({ authorization }, 'token');
    return this.#identify(new URLSearchParams(query).get('token') ?? undefined);
  }

  #identify(token: string | undefined): Grant {
    if (token === undefined) throw noToken();
    const grant = this.#tokens?.find(token);
    if (grant === undefined) throw wrongToken();
    return grant;
  }
}

/** The token of `Authorization: Bearer …`; an empty one, which nobody has, for another scheme. */
function bearerOf(authorization: string): string {
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '';
}
