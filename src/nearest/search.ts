// nearest-driver.search: who can be at a pickup soonest. It asks zoning.search which zones the pickup is in, makes one policy of them,
// asks raziel.multisearch for candidates within it and eta.multitraveltime how long each needs, ranks and answers. Each step is an endpoint, so
// that a trace shows it.
//
// With the default travel times nothing waits, and no promise is made.

import { nowMs } from '../clock.ts';
import type { CandidateFinder, CandidateSearch } from '../drivers/candidate-table.ts';
import { CandidateList } from '../drivers/candidates.ts';
import type { DriverEngine, NearestQuery, Ranking, Ref, ReplyBuffer } from '../drivers/engine.ts';
import { RazielError } from '../errors.ts';
import { CIRCUITY } from '../eta/traffic.ts';
import type { Estimate, EtaSource, LearnedTimes, TravelTimes } from '../eta/travel-times.ts';
import { distanceMeters } from '../geo/distance.ts';
import { ETA_CANDIDATES_MAX, K_DEFAULT, RADIUS_METERS_DEFAULT } from '../limits.ts';
import type { Answer } from '../service/reply.ts';
import type { Endpoint } from '../services/endpoint.ts';
import type { Services } from '../services/services.ts';
import type { Call } from '../tracing/call.ts';
import type { ZoneLookups } from '../zoning/lookups.ts';
import { estimateFare } from './fare.ts';
import { Policies, type PlacePolicy } from './policies.ts';
import { type EffectivePolicy, type PolicySearch, withinPolicy } from './policy.ts';
import { writeRanked } from './ranked-answer.ts';
import { rank } from './ranking.ts';

export interface NearestOptions {
  readonly engine: DriverEngine & Partial<CandidateFinder>;
  readonly zones: ZoneLookups;
  readonly reply: ReplyBuffer;
  readonly learned: LearnedTimes;
  /** What ranks: `learned`, or a service outside with it behind. */
  readonly times: TravelTimes;
  /** Candidates looked at for each driver that is answered, 1 or more. */
  readonly overfetch: number;
}

interface Point {
  readonly lat: number;
  readonly lon: number;
}

type Found = ReturnType<ZoneLookups['at']>;

/** Searches to fill a list with. */
interface MultisearchInput {
  readonly list: CandidateList;
  readonly search: CandidateSearch;
  readonly nowMs: number;
}

interface TimesInput {
  readonly list: CandidateList;
  readonly to: Point;
  readonly nowMs: number;
}

/** A request under way. */
interface Work {
  readonly query: NearestQuery;
  readonly ranking: Ranking;
  readonly place: PlacePolicy;
  readonly version: number | undefined;
  readonly k: number;
  readonly list: CandidateList;
  readonly searches: number;
  readonly nowMs: number;
  readonly startedAt: number;
  readonly ref: Ref;
}

export class NearestDrivers {
  readonly #options: NearestOptions;
  readonly #lookUp: Endpoint<Point, Found>;
  readonly #multisearch: Endpoint<MultisearchInput, void>;
  readonly #travelTimes: Endpoint<TimesInput, EtaSource | Promise<Estimate>>;
  readonly #search: Endpoint<NearestQuery, Answer | Promise<Answer>>;
  /** For requests that are answered at once. */
  readonly #list = new CandidateList();
  readonly #policies = new Policies();

  /** @param read of the input when it is called by its name */
  constructor(options: NearestOptions, services: Services, read: (fields: Record<string, unknown>) => NearestQuery) {
    this.#options = options;
    const { engine, zones, times } = options;
    this.#lookUp = services.register({
      name: 'zoning.search',
      summary: 'The zones that cover a point, or each of many.',
      handle: ({ lat, lon }) => zones.at(lat, lon),
    });
    this.#multisearch = services.register({
      name: 'raziel.multisearch',
      summary: 'Answers several searches by one clock.',
      handle: ({ list, search, nowMs: now }) => list.fill(engine, search, now),
    });
    this.#travelTimes = services.register({
      name: 'eta.multitraveltime',
      summary: 'How long each of many drivers needs to one place.',
      handle: ({ list, to, nowMs: now }, call) => times.estimate(list, to.lat, to.lon, now, list.keys, call),
    });
    this.#search = services.register({
      name: 'nearest-driver.search',
      summary: 'Finds the drivers that can be at a pickup soonest, within the policy of its zones.',
      handle: (query, call, ref) => this.#start(query, call, ref),
      wire: { read, access: 'search', answer: (answer) => answer },
    });
  }

  /** @throws RazielError (or rejects with one) NO_PICKUP, and whatever a search does */
  search(query: NearestQuery, caller: Call, ref: Ref): Answer | Promise<Answer> {
    return this.#search.run(query, caller, ref);
  }

  #start(query: NearestQuery, call: Call, ref: Ref): Answer | Promise<Answer> {
    const startedAt = performance.now();
    const now = nowMs();
    const ranking = query.ranking ?? PLAIN;
    const found = ranking.policy || ranking.fare ? this.#lookUp.run(query, call) : undefined;
    const place = found === undefined ? NO_PLACE : this.#policies.of(found.zones);
    if (ranking.policy && !place.policy.pickup) throw noPickup(place.policy);
    const asked = ranking.policy ? withinPolicy(askedOf(query, ranking), place.policy) : askedOf(query, ranking);
    const k = asked.k ?? K_DEFAULT;
    const byTime = ranking.rank === 'eta';
    const fetched = byTime ? Math.max(k, Math.min(Math.ceil(k * this.#options.overfetch), ETA_CANDIDATES_MAX)) : k;
    const radiusMeters = asked.radiusMeters ?? RADIUS_METERS_DEFAULT;
    const groups = groupsOf(ranking, asked.tags);
    // A list of its own where others may search before this one is answered.
    const list = byTime && this.isRemote ? new CandidateList() : this.#list;
    const search = { query, k: fetched, radiusMeters, notTags: asked.notTags, groups };
    this.#multisearch.run({ list, search, nowMs: now }, call);
    const version = found?.version;
    const searches = groups.length;
    const work: Work = { query, ranking, place, version, k, list, searches, nowMs: now, startedAt, ref };
    if (!byTime) return this.#finish(work, undefined, undefined);
    const source = this.#travelTimes.run({ list, to: query, nowMs: now }, call);
    if (typeof source === 'string') return this.#finish(work, source, undefined);
    return source.then((estimate) => this.#finishLater(work, estimate));
  }

  /** Whether travel times come from a service outside, by promises. */
  get isRemote(): boolean {
    return this.#options.times !== this.#options.learned;
  }

  /** Whether the endpoint of this name asks for travel times. */
  asksTimes(name: string): boolean {
    return name === this.#search.definition.name || name === this.#travelTimes.definition.name;
  }

  /** @param source of the travel times that the list's keys are; undefined where nobody asked for them */
  #finish(work: Work, source: EtaSource | undefined, unanswered: Estimate['unanswered']): Answer {
    const { list, ranking, place, version, ref } = work;
    if (source === undefined) keyByDistance(list);
    const count = rank(list, work.searches, work.k, unanswered);
    const { policy, packed: packedPolicy } = place;
    const fare = ranking.fare && policy.fare !== undefined ? this.#fareOf(work, policy.fare) : undefined;
    const tookMicros = Math.round((performance.now() - work.startedAt) * 1000);
    const { engine, reply } = this.#options;
    const extras = { ref, tookMicros, version, packedPolicy, fare };
    const length = writeRanked(engine, { list, count, source, unanswered }, extras, reply);
    list.release();
    return { kind: 'packed', length };
  }

  /** The reply buffer is others' by the time that a promise's answer is taken. */
  #finishLater(work: Work, { source, unanswered }: Estimate): Answer {
    const answer = this.#finish(work, source, unanswered);
    if (answer.kind !== 'packed') return answer;
    return { kind: 'bytes', bytes: this.#options.reply.bytes.slice(0, answer.length), encoding: 'msgpack' };
  }

  #fareOf({ query, ranking, nowMs: now }: Work, fare: NonNullable<EffectivePolicy['fare']>): object {
    if (ranking.to === undefined) return fare;
    const { lat, lon } = ranking.to;
    const straight = distanceMeters(query.lat, query.lon, lat, lon);
    const meters = straight * CIRCUITY;
    const seconds = straight === 0 ? 0 : this.#options.learned.trip(query.lat, query.lon, lat, lon, straight, now);
    const { base, perKm, perMinute, currency } = fare;
    const { amount } = estimateFare(fare, meters, seconds);
    return { base, perKm, perMinute, currency, amount, meters, seconds };
  }
}

const PLAIN: Ranking = {
  rank: 'eta',
  policy: true,
  fare: false,
  to: undefined,
  k: undefined,
  radiusMeters: undefined,
  groups: [],
};

/** Where zones are not looked at. */
const NO_PLACE = new Policies().of([]);
const NO_TAGS: readonly string[] = [];

function askedOf({ tags, notTags }: NearestQuery, { k, radiusMeters }: Ranking): PolicySearch {
  return { k, radiusMeters, tags, notTags };
}

/** The tags of each search. */
function groupsOf({ groups }: Ranking, tags: readonly string[] = NO_TAGS): readonly (readonly string[])[] {
  if (groups.length === 0) return [tags];
  return tags.length === 0 ? groups : groups.map((group) => [...new Set([...tags, ...group])]);
}

function keyByDistance(list: CandidateList): void {
  const { keys, count } = list;
  for (let row = 0; row < count; row++) keys[row] = list.distance(row);
}

function noPickup({ rules, reason }: EffectivePolicy): RazielError {
  const why = reason === undefined ? '' : `: ${reason}`;
  return new RazielError('NO_PICKUP', `nobody is picked up in ${rules.pickup}${why}`, { field: 'lat' });
}
