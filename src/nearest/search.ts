// nearest-driver.search: who can be at a pickup soonest. It asks zoning.search which zones the pickup is in, makes one policy of them,
// asks raziel.multisearch for candidates within it and eta.multitraveltime how long each needs, ranks and answers. Each step is an endpoint, so
// that a trace shows it.
//
// With the default travel times nothing waits, and no promise is made.

import { nowMs } from '../clock.ts';
import { CandidateList, type CandidateFinder } from '../drivers/candidates.ts';
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
import { policyOf } from '../zones/policy.ts';
import type { ZoneAnswer } from '../zones/zone-index.ts';
import type { ZoneLookups } from '../zoning/lookups.ts';
import { estimateFare } from './fare.ts';
import { type EffectivePolicy, effectivePolicy, NO_POLICY, type PolicyZone, withinPolicy } from './policy.ts';
import { type AnsweredTimes, writeRanked } from './ranked-answer.ts';

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

/** Searches for one list; answers the rows that each found. */
interface MultisearchInput {
  readonly list: CandidateList;
  readonly queries: readonly NearestQuery[];
  readonly nowMs: number;
}

interface TimesInput {
  readonly list: CandidateList;
  readonly to: Point;
  readonly nowMs: number;
  readonly seconds: Float64Array;
}

/** A request under way. */
interface Work {
  readonly query: NearestQuery;
  readonly ranking: Ranking;
  readonly policy: EffectivePolicy;
  readonly version: number | undefined;
  readonly k: number;
  readonly list: CandidateList;
  readonly groups: readonly Int32Array[];
  readonly nowMs: number;
  readonly startedAt: number;
  readonly ref: Ref;
}

export class NearestDrivers {
  readonly #options: NearestOptions;
  readonly #lookUp: Endpoint<Point, Found>;
  readonly #multisearch: Endpoint<MultisearchInput, Int32Array[]>;
  readonly #travelTimes: Endpoint<TimesInput, EtaSource | Promise<Estimate>>;
  readonly #search: Endpoint<NearestQuery, Answer | Promise<Answer>>;
  /** For requests that are answered at once. */
  readonly #list = new CandidateList();
  #seconds = new Float64Array(64);
  #order = new Int32Array(64);
  readonly #policyZones = new WeakMap<ZoneAnswer, PolicyZone>();

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
      handle: ({ list, queries, nowMs: now }) => queries.map((query) => list.add(engine, query, now)),
    });
    this.#travelTimes = services.register({
      name: 'eta.multitraveltime',
      summary: 'How long each of many drivers needs to one place.',
      handle: ({ list, to, nowMs: now, seconds }, call) => times.estimate(list, to.lat, to.lon, now, seconds, call),
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
    const policy = found === undefined ? NO_POLICY : effectivePolicy(found.zones.map((zone) => this.#policyZone(zone)));
    if (ranking.policy && !policy.pickup) throw noPickup(policy);
    const within = ranking.policy
      ? withinPolicy({ ...ASKS_NOTHING, ...query, ...askedOf(ranking) }, policy)
      : undefined;
    const asked = within ?? { ...ASKS_NOTHING, ...query, ...askedOf(ranking) };
    const k = asked.k ?? K_DEFAULT;
    const byTime = ranking.rank === 'eta';
    const fetched = byTime ? Math.max(k, Math.min(Math.ceil(k * this.#options.overfetch), ETA_CANDIDATES_MAX)) : k;
    const base: NearestQuery = {
      ...query,
      k: fetched,
      radiusMeters: asked.radiusMeters ?? RADIUS_METERS_DEFAULT,
      ...(asked.tags === undefined ? {} : { tags: asked.tags }),
      ...(asked.notTags === undefined ? {} : { notTags: asked.notTags }),
    };
    const queries = ranking.groups.length === 0 ? [base] : ranking.groups.map((tags) => withTags(base, tags));
    // A list of its own where others may search before this one is answered.
    const list = byTime && this.isRemote ? new CandidateList() : this.#list;
    list.clear();
    const groups = this.#multisearch.run({ list, queries, nowMs: now }, call);
    const version = found?.version;
    const work: Work = { query, ranking, policy, version, k, list, groups, nowMs: now, startedAt, ref };
    if (!byTime) return this.#finish(work, undefined);
    const seconds = this.isRemote ? new Float64Array(list.count) : this.#roomFor(list.count);
    const source = this.#travelTimes.run({ list, to: query, nowMs: now, seconds }, call);
    if (typeof source === 'string') return this.#finish(work, { seconds, source });
    return source.then((later) => this.#finishLater(work, { seconds, ...later }));
  }

  /** Whether travel times come from a service outside, by promises. */
  get isRemote(): boolean {
    return this.#options.times !== this.#options.learned;
  }

  /** Whether the endpoint of this name asks for travel times. */
  asksTimes(name: string): boolean {
    return name === this.#search.definition.name || name === this.#travelTimes.definition.name;
  }

  #finish(work: Work, times: AnsweredTimes | undefined): Answer {
    const { list, ranking, policy, ref } = work;
    const count = this.#rank(work, times);
    const rest: Record<string, unknown> = { tookMicros: Math.round((performance.now() - work.startedAt) * 1000) };
    if (work.version !== undefined) {
      rest['version'] = work.version;
      rest['zones'] = policy.zones;
      rest['policy'] = policy.rules;
    }
    if (ranking.fare && policy.fare !== undefined) rest['fare'] = this.#fareOf(work, policy.fare);
    return { kind: 'packed', length: writeRanked(list, this.#order, count, times, rest, ref, this.#options.reply) };
  }

  /** The reply buffer is others' by the time that a promise's answer is taken. */
  #finishLater(work: Work, times: AnsweredTimes): Answer {
    const answer = this.#finish(work, times);
    if (answer.kind !== 'packed') return answer;
    return { kind: 'bytes', bytes: this.#options.reply.bytes.slice(0, answer.length), encoding: 'msgpack' };
  }

  #fareOf({ query, ranking, nowMs: now }: Work, fare: NonNullable<EffectivePolicy['fare']>): object {
    if (ranking.to === undefined) return fare;
    const { lat, lon } = ranking.to;
    const straight = distanceMeters(query.lat, query.lon, lat, lon);
    const meters = straight * CIRCUITY;
    const seconds = straight === 0 ? 0 : this.#options.learned.trip(query.lat, query.lon, lat, lon, straight, now);
    return { ...fare, ...estimateFare(fare, meters, seconds), meters, seconds };
  }

  /** Puts the k best rows of each group, each row once, into the order of the answer; returns how many they are. */
  #rank({ list, groups, k }: Work, times: AnsweredTimes | undefined): number {
    const { count } = list;
    if (this.#order.length < count) this.#order = new Int32Array(2 * count);
    const order = this.#order;
    const key = times === undefined ? (row: number) => list.distance(row) : keyOf(times);
    if (groups.length === 1) {
      for (let row = 0; row < count; row++) order[row] = row;
      if (times !== undefined) sortBy(order, count, key);
      return Math.min(count, k);
    }
    const kept = new Set<number>();
    for (const rows of groups) {
      const sorted = rows.slice();
      sortBy(sorted, sorted.length, key);
      for (let j = 0; j < Math.min(k, sorted.length); j++) kept.add(sorted[j] as number);
    }
    let length = 0;
    for (const row of kept) order[length++] = row;
    sortBy(order, length, key);
    return length;
  }

  #roomFor(count: number): Float64Array {
    if (this.#seconds.length < count) this.#seconds = new Float64Array(2 * count);
    return this.#seconds;
  }

  #policyZone(zone: ZoneAnswer): PolicyZone {
    const known = this.#policyZones.get(zone);
    if (known !== undefined) return known;
    const { layer, id, properties } = zone;
    const priority = typeof properties?.['priority'] === 'number' ? properties['priority'] : 0;
    const made = { layer, id, priority, policy: policyOf(properties) };
    this.#policyZones.set(zone, made);
    return made;
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

const ASKS_NOTHING = { tags: undefined, notTags: undefined };

function askedOf({ k, radiusMeters }: Ranking) {
  return { k, radiusMeters };
}

function withTags(query: NearestQuery, tags: readonly string[]): NearestQuery {
  return { ...query, tags: query.tags === undefined ? tags : [...new Set([...query.tags, ...tags])] };
}

/** Behind all that the service outside knew a way for come those that it knew none for. */
const NO_WAY_SECONDS = 1e12;

function keyOf({ seconds, unanswered }: AnsweredTimes): (row: number) => number {
  if (unanswered === undefined) return (row) => seconds[row] as number;
  return (row) => (seconds[row] as number) + (unanswered[row] as number) * NO_WAY_SECONDS;
}

/** By key, and rows with one key by number, which is nearer first. Few at a time, and nearly sorted: by insertion. */
function sortBy(order: Int32Array, count: number, key: (row: number) => number): void {
  if (count > 64) {
    order.subarray(0, count).sort((a, b) => key(a) - key(b) || a - b);
    return;
  }
  for (let i = 1; i < count; i++) {
    const row = order[i] as number;
    const value = key(row);
    let at = i;
    for (; at > 0; at--) {
      const before = order[at - 1] as number;
      const other = key(before);
      if (other < value || (other === value && before < row)) break;
      order[at] = before;
    }
    order[at] = row;
  }
}

function noPickup({ rules, reason }: EffectivePolicy): RazielError {
  const why = reason === undefined ? '' : `: ${reason}`;
  return new RazielError('NO_PICKUP', `nobody is picked up in ${rules.pickup}${why}`, { field: 'lat' });
}
