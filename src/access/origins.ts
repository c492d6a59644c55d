// Keeps browsers on other people's pages out. A page from anywhere can make a browser send requests to 127.0.0.1 or to a machine behind the
// firewall, and without tokens the network is all that protects a server. Two things that a browser tells, and a page cannot forge, give it away:
//
// - `Origin`: a page of another site asks (a WebSocket, a fetch, a form that posts).
// - `Host`: the page's own name was made to resolve to this machine (DNS rebinding), so that to the browser they are one site.
//
// Programs that are no browsers send no Origin, and the Host that they were told; nothing changes for them.

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { Refusal } from './refusals.ts';

/** What a request says about where it comes from; empty where it says nothing. */
export interface Provenance {
  readonly host: string;
  readonly origin: string;
  /** `Sec-Fetch-Site`. */
  readonly fetchSite: string;
}

export interface OriginOptions {
  /** The address listened on. */
  readonly host: string;
  /** Names by which the server may be called beside its address and localhost; `*` for any. */
  readonly allowHost: readonly string[];
  /** Origins whose pages may ask and read answers, as in `https://ops.example.com`; `*` for any. */
  readonly allowOrigin: readonly string[];
  /** Whether callers need tokens: then a page that was rebound has none, and any Host is taken unless names are listed. */
  readonly hasTokens: boolean;
}

export const PREFLIGHT_SECONDS = 600;

export class Origins {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #checksHosts: boolean;

  constructor({ host, allowHost, allowOrigin, hasTokens }: OriginOptions) {
    this.#hosts = new Set([host, hostname(), ...allowHost].map((name) => name.toLowerCase()));
    this.#origins = new Set(allowOrigin.map((origin) => origin.toLowerCase().replace(/\/$/, '')));
    this.#checksHosts = !allowHost.includes('*') && (!hasTokens || allowHost.length > 0);
  }

  /**
   * Lets a request through, with the headers that let a page of an allowed origin read the answer.
   * @param changes whether the request changes anything
   * @throws Refusal FORBIDDEN
   */
  screen({ host, origin, fetchSite }: Provenance, changes: boolean): readonly (readonly [string, string])[] {
    if (this.#checksHosts && !this.#knowsHost(host)) {
      const shown = JSON.stringify(host.slice(0, 80));
      throw new Refusal('FORBIDDEN', `this server is not called ${shown}; --allow-host would let it be`);
    }
    if (origin === '') {
      // An image or a script of a foreign page, or one on another port: a GET without an Origin. `none` is a person who typed it.
      if (changes && (fetchSite === 'cross-site' || fetchSite === 'same-site')) throw foreign('a page of another site');
      return [];
    }
    if (isSameOrigin(origin, host)) return [];
    const lower = origin.toLowerCase();
    if (!this.#origins.has(lower) && !this.#origins.has('*')) throw foreign(JSON.stringify(origin.slice(0, 80)));
    return [
      ['access-control-allow-origin', origin],
      ['access-control-expose-headers', 'etag, retry-after, www-authenticate, x-request-id'],
      ['vary', 'origin'],
    ];
  }

  #knowsHost(host: string): boolean {
    const name = nameOf(host);
    // A name can be made to resolve to anything; an address is what it is. HTTP/1.0 sends none.
    if (name === '' || isIP(name) !== 0) return true;
    return name === 'localhost' || name.endsWith('.localhost') || this.#hosts.has(name);
  }
}

function foreign(who: string): Refusal {
  return new Refusal('FORBIDDEN', `browsers may not ask from ${who}; --allow-origin would let them`);
}

/** `Example.com:7400` → `example.com`, `[::1]:7400` → `::1`. */
function nameOf(host: string): string {
  const name = host.startsWith('[') ? host.slice(1).replace(/\](?::\d*)?$/, '') : host.replace(/:\d*$/, '');
  return name.toLowerCase().replace(/\.$/, '');
}

/** Whether a page of the origin was served under the very host that it asks. A proxy may have taken TLS off. */
function isSameOrigin(origin: string, host: string): boolean {
  if (host === '' || !/^https?:\/\//i.test(origin)) return false;
  try {
    const page = new URL(origin);
    return page.host === new URL(`${page.protocol}//${host}`).host;
  } catch {
    return false;
  }
}
