// What one caller may do: the rights of its token, or all of them where no tokens are asked for. A connection keeps its grant, and a reload
// of the tokens changes it in place, so that rights that were taken away are gone with the next request.

import { decodeBatch } from '../drivers/batch.ts';
import { fieldsOf } from '../drivers/fix.ts';
import { arrayLength } from '../drivers/wellformed.ts';
import { needOf } from '../protocol/operations.ts';
import type { Request } from '../protocol/requests.ts';
import { ask, type RateLimit, take } from './rate.ts';
import { callForbidden, foreignId, missingScope, rateLimited, wrongToken } from './refusals.ts';
import type { Need, Scope } from './scopes.ts';

/** Hot frames that a caller may have answered the short way: the bits of FrameAnswerer. */
const HOT_LOCATIONS = 1;
const HOT_NEAREST = 2;
const HOT_ZONES_AT = 4;

/** The rights of a token as serving threads get them. */
export interface Rights {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly idPrefixes?: readonly string[] | undefined;
  readonly rate?: RateLimit | undefined;
}

/** What a request is to be performed by, as far as its caller's rights depend on it; Service is one. */
interface Performer {
  /** A batch that is too large is left to the engine to refuse. */
  readonly limits: { readonly batchFixesMax: number };
  /** Services that are called by their names. */
  readonly services: { needOf(name: string): Need };
}

export class Grant {
  #rights: Rights | undefined;
  #revoked = false;
  #hotOps = 0;

  /** @param rights undefined for a server that asks for no tokens */
  constructor(rights: Rights | undefined) {
    this.#rights = rights;
    this.#hotOps = hotOpsOf(rights);
  }

  /** Of the token; null where none is asked for. */
  get name(): string | null {
    return this.#rights?.name ?? null;
  }

  get revoked(): boolean {
    return this.#revoked;
  }

  /** True for a token with the scope `admin`, not where no tokens are asked for. */
  get isAdmin(): boolean {
    return this.#rights?.scopes.includes('admin') ?? false;
  }

  /** HOT_… of the frames whose answers need no further look at the caller. */
  get hotOps(): number {
    return this.#hotOps;
  }

  change(rights: Rights): void {
    this.#rights = rights;
    this.#hotOps = hotOpsOf(rights);
  }

  revoke(): void {
    this.#revoked = true;
    this.#hotOps = 0;
  }

  /** @throws Refusal UNAUTHENTICATED once the token is gone, FORBIDDEN without the scope */
  require(need: Need): void {
    if (need === 'open') return;
    if (this.#revoked) throw wrongToken();
    const rights = this.#rights;
    if (rights === undefined || need === 'token') return;
    if (!rights.scopes.includes(need) && !rights.scopes.includes('admin')) throw missingScope(rights.name, need);
  }

  /**
   * Counts requests against the token's rate.
   * @throws Refusal RATE_LIMITED; nothing is counted then
   */
  spend(cost: number): void {
    this.#limit(take, cost);
  }

  /**
   * Counts nothing: whether a request would be let in at all, before its body is read.
   * @throws Refusal RATE_LIMITED
   */
  refuseWhenSpent(): void {
    this.#limit(ask, 1);
  }

  /**
   * All that a typed request needs: scope, ids and rate, before it has any effect.
   * @throws Refusal; RazielError for a batch that cannot be decoded
   */
  authorize(request: Request, { limits, services }: Performer): void {
    const rights = this.#rights;
    if (rights === undefined) return;
    this.require(needOf(request.op));
    if (request.op === 'call') this.#requireCall(services.needOf(request.service));
    else if (rights.idPrefixes !== undefined) this.#checkIds(request, limits.batchFixesMax);
    this.spend(costOf(request));
  }

  /** Whether a driver of this id may be written, removed or claimed. */
  mayTouch(id: string): boolean {
    return this.#rights?.idPrefixes?.some((prefix) => id.startsWith(prefix)) ?? true;
  }

  #limit(by: typeof take, cost: number): void {
    const rights = this.#rights;
    if (rights?.rate === undefined) return;
    const waitMs = by(rights.rate, cost);
    if (waitMs > 0) throw rateLimited(rights.name, rights.rate.perSecond, waitMs);
  }

  #requireCall(need: Need): void {
    this.require(need);
    // Which drivers a service writes only it knows.
    const writes = need !== 'search' && need !== 'token' && need !== 'open';
    if (writes && this.#rights?.idPrefixes !== undefined) throw callForbidden();
  }

  /** Every operation is named here, so that none that writes drivers is forgotten. */
  #checkIds(request: Exclude<Request, { readonly op: 'call' }>, fixesMax: number): void {
    switch (request.op) {
      case 'locations':
        this.#checkBatch(request.batch, fixesMax);
        return;
      case 'remove':
        if (!this.mayTouch(request.id)) throw foreignId(request.id);
        return;
      case 'nearest':
      case 'within':
      case 'multisearch':
      case 'driver':
      case 'supply':
      case 'zonesAt':
      case 'ids':
      case 'ping':
        return;
      default:
        request satisfies never;
    }
  }

  /** An id that is no string is rejected by the engine, as part of its answer. */
  #checkBatch(batch: Uint8Array, fixesMax: number): void {
    for (const [index, fix] of decodeBatch(batch, fixesMax).entries()) {
      const id = fieldsOf(fix)?.[0];
      if (typeof id === 'string' && !this.mayTouch(id)) throw foreignId(id, index);
    }
  }
}

/** A batch counts one for each fix, a multisearch one for each search, anything else one; by which way it is called does not matter. */
function costOf(request: Request): number {
  switch (request.op) {
    case 'locations':
      return Math.max(1, arrayLength(request.batch));
    case 'multisearch':
      return Math.max(1, request.queries.length);
    case 'call': {
      const { batch, searches } = request.body;
      return Math.max(1, lengthOf(batch), lengthOf(searches));
    }
    default:
      return 1;
  }
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function hotOpsOf(rights: Rights | undefined): number {
  if (rights === undefined) return HOT_LOCATIONS | HOT_NEAREST | HOT_ZONES_AT;
  if (rights.rate !== undefined) return 0;
  const has = (scope: Scope): boolean => rights.scopes.includes(scope) || rights.scopes.includes('admin');
  const locations = has(needOf('locations') as Scope) && rights.idPrefixes === undefined ? HOT_LOCATIONS : 0;
  const nearest = has(needOf('nearest') as Scope) ? HOT_NEAREST : 0;
  return locations | nearest | (has(needOf('zonesAt') as Scope) ? HOT_ZONES_AT : 0);
}
