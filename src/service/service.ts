// The operations, by a typed request, whatever transport it came by. Everything here answers at once but for supply, which is counted
// elsewhere, and a multisearch or lookup of zones that takes long, which lets others go first between its searches.

import { nowMs } from '../clock.ts';
import { RazielError } from '../errors.ts';
import type { BatchResult, DriverEngine, Ref } from '../drivers/engine.ts';
import type { Encoding } from '../protocol/codec.ts';
import type { Request, SupplyQuery } from '../protocol/requests.ts';
import type { IdGenerator } from '../ids/generator.ts';
import type { ZonesAtQuery } from '../protocol/zones-at.ts';
import { NearestDrivers, type NearestOptions } from '../nearest/search.ts';
import { registerTravelTimes } from '../nearest/travel-times.ts';
import { readRanked } from '../protocol/searches.ts';
import type { Endpoint } from '../services/endpoint.ts';
import type { Services } from '../services/services.ts';
import type { Call } from '../tracing/call.ts';
import type { ZoneLookups } from '../zoning/lookups.ts';
import { answerIds } from './ids.ts';
import { type OwnEndpoints, type OwnRequest, registerOwn } from './endpoints.ts';
import { multisearch } from './multisearch.ts';
import { type Answer, NO_ANSWER, type Reply } from './reply.ts';
import { inSlices } from './slices.ts';

export interface ServiceLimits {
  readonly batchFixesMax: number;
}

/** Counts drivers by cell; answers the encoded bytes. Rejects with RazielError OVERLOADED past its bound. */
export type SupplyCounter = (query: SupplyQuery, ref: Ref, encoding: Encoding) => Promise<Uint8Array>;

/** Whence travel times come. */
export type NearestEta = Pick<NearestOptions, 'learned' | 'times' | 'overfetch'>;

/** What is counted of fixes. */
export type FixObserver = (result: BatchResult) => void;

export class Service {
  readonly engine: DriverEngine;
  readonly reply: Reply;
  readonly limits: ServiceLimits;
  readonly zones: ZoneLookups;
  readonly ids: IdGenerator;
  /** All endpoints of the thread. */
  readonly services: Services;
  /** Those that the operations are. */
  readonly endpoints: OwnEndpoints;
  readonly nearest: NearestDrivers;
  readonly #apply: Endpoint<Uint8Array, BatchResult>;
  readonly #remove: Endpoint<string, void>;
  readonly #supply: SupplyCounter;
  readonly #observeFixes: FixObserver;
  /** The clock when fixes were applied last. */
  appliedAtMs = 0;

  constructor(
    engine: DriverEngine,
    reply: Reply,
    limits: ServiceLimits,
    supply: SupplyCounter,
    observeFixes: FixObserver,
    zones: ZoneLookups,
    ids: IdGenerator,
    services: Services,
    eta: NearestEta,
  ) {
    this.engine = engine;
    this.reply = reply;
    this.limits = limits;
    this.#supply = supply;
    this.#observeFixes = observeFixes;
    this.zones = zones;
    this.ids = ids;
    this.services = services;
    this.endpoints = registerOwn(services, (request, _call, ref, encoding) => this.#perform(request, ref, encoding));
    this.nearest = new NearestDrivers({ engine, zones, reply, ...eta }, services, readRanked);
    registerTravelTimes(services, eta.times);
    this.#apply = services.register({
      ...this.endpoints.locations.definition,
      wire: undefined,
      handle: (batch) => this.#applyBatch(batch),
    });
    this.#remove = services.register({
      ...this.endpoints.remove.definition,
      wire: undefined,
      handle: (id) => {
        if (!engine.remove(id, nowMs())) throw unknownDriver(id);
      },
    });
  }

  /**
   * @param caller the request's root call
   * @throws RazielError, or rejects with one
   */
  execute(request: Request, ref: Ref, encoding: Encoding, caller: Call): Answer | Promise<Answer> {
    const answer =
      request.op === 'call'
        ? this.services.runByName(request.service, request.body, caller, ref, encoding)
        : request.op === 'nearest' && request.query.ranking !== undefined
          ? this.nearest.search(request.query, caller, ref)
          : this.endpoints[request.op].run(request, caller, ref, encoding);
    return inSlices(answer, this.reply, encoding);
  }

  /** Whether it may wait for a travel-time service, and others that come after it may be answered before. */
  waitsOutside(request: Request): boolean {
    if (!this.nearest.isRemote) return false;
    if (request.op === 'nearest') return request.query.ranking?.rank === 'eta';
    return request.op === 'call' && this.nearest.asksTimes(request.service);
  }

  apply(batch: Uint8Array, caller: Call): BatchResult {
    return this.#apply.run(batch, caller);
  }

  /** @throws RazielError UNKNOWN_DRIVER */
  remove(id: string, caller: Call): void {
    this.#remove.run(id, caller);
  }

  #perform(request: OwnRequest, ref: Ref, encoding: Encoding): Answer | Promise<Answer> {
    switch (request.op) {
      case 'locations': {
        const result = this.#applyBatch(request.batch);
        return request.quiet && result.rejected.length === 0 ? NO_ANSWER : named(ref, result);
      }
      case 'nearest':
      case 'within':
        return { kind: 'packed', length: this.engine.search(request.query, nowMs(), ref, this.reply, 0) };
      case 'multisearch':
        return multisearch(this.engine, request.queries, nowMs(), ref, this.reply);
      case 'driver': {
        const fix = this.engine.driver(request.id, nowMs());
        if (fix === undefined) throw unknownDriver(request.id);
        return named(ref, fix);
      }
      case 'remove':
        return named(ref, { removed: this.engine.remove(request.id, nowMs()) });
      case 'supply':
        return this.#countSupply(request.query, ref, encoding);
      case 'zonesAt':
        return this.#lookUpZones(request.query, ref);
      case 'ids':
        return answerIds(this.ids, request.n, ref, encoding);
      case 'ping':
        return named(ref, { time: nowMs() });
    }
  }

  #applyBatch(batch: Uint8Array): BatchResult {
    this.appliedAtMs = nowMs();
    const result = this.engine.apply(batch, this.appliedAtMs, this.limits.batchFixesMax);
    this.#observeFixes(result);
    return result;
  }

  #lookUpZones(query: ZonesAtQuery, ref: Ref): Answer | Promise<Answer> {
    const answer = this.zones.answer(query, ref, this.reply);
    if (typeof answer === 'number') return { kind: 'packed', length: answer };
    return answer.then((bytes) => ({ kind: 'bytes', bytes, encoding: 'msgpack' }));
  }

  async #countSupply(query: SupplyQuery, ref: Ref, encoding: Encoding): Promise<Answer> {
    return { kind: 'bytes', bytes: await this.#supply(query, ref, encoding), encoding };
  }
}

function unknownDriver(id: string): RazielError {
  return new RazielError('UNKNOWN_DRIVER', `no driver ${JSON.stringify(id)} is held`, { field: 'id' });
}

function named(ref: Ref, value: object): Answer {
  return { kind: 'value', value: ref === undefined ? value : { ref, ...value } };
}
