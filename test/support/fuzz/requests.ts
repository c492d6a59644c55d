// Valid requests of every operation, at random: what the fuzz test sends, and what it mutates.

import type { Random } from './random.ts';

export type Value = Record<string, unknown>;

/** An HTTP request as it goes over the wire. */
export interface HttpRequest {
  method: string;
  /** With the query. */
  target: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

const TAGS = ['free', 'xl', 'busy', 'é', 'electric', 'pet ok'];
const IDS = 300;

export class Requests {
  readonly #random: Random;
  /** Times of fixes rise from here: well before the server's now, so that those without a time are the newest. */
  #timeMs = Date.now() - 600_000;

  constructor(random: Random) {
    this.#random = random;
  }

  id(): string {
    return this.#random.chance(0.05) ? `ünïcode ${this.#random.below(9)}` : `driver:${this.#random.below(IDS)}`;
  }

  lat(): number {
    return this.#random.chance(0.05) ? this.#random.pick([-90, 90, 0]) : this.#random.between(37, 38);
  }

  lon(): number {
    return this.#random.chance(0.05) ? this.#random.pick([-180, 180, 0]) : this.#random.between(-123, -122);
  }

  tags(): string[] {
    return TAGS.filter(() => this.#random.chance(0.3));
  }

  fix(): unknown {
    const random = this.#random;
    this.#timeMs += 1;
    const time = random.chance(0.1) ? new Date(this.#timeMs).toISOString() : this.#timeMs;
    const maybe = <T>(value: T): T | null => (random.chance(0.5) ? value : null);
    const rest = [maybe(random.below(361)), maybe(random.between(0, 40)), maybe(5), maybe(this.tags()), 3_600];
    const row = [this.id(), this.lat(), this.lon(), time, ...rest];
    if (random.chance(0.5)) return row;
    const names = ['id', 'lat', 'lon', 'time', 'heading', 'speed', 'accuracy', 'tags', 'ttl'];
    return Object.fromEntries(names.map((name, i) => [name, row[i]]).filter(([, value]) => value !== null));
  }

  fixes(): unknown[] {
    return Array.from({ length: 1 + this.#random.below(20) }, () => this.fix());
  }

  filters(): Value {
    const random = this.#random;
    return {
      ...(random.chance(0.3) ? { tags: [random.pick(TAGS)] } : {}),
      ...(random.chance(0.1) ? { anyTags: this.tags() } : {}),
      ...(random.chance(0.1) ? { notTags: this.tags() } : {}),
      ...(random.chance(0.1) ? { maxAge: random.below(5_000) } : {}),
      ...(random.chance(0.1) ? { explain: true } : {}),
    };
  }

  nearest(): Value {
    const random = this.#random;
    const k = random.chance(0.5) ? { k: 1 + random.below(50) } : {};
    const radius = random.chance(0.5) ? { radius: random.between(0, 200_000) } : {};
    return { lat: this.lat(), lon: this.lon(), ...k, ...radius, ...this.filters() };
  }

  area(): Value {
    const [lat, lon] = [this.lat(), this.lon()];
    const size = this.#random.between(0, 2);
    const clamp = (degrees: number): number => Math.max(-90, Math.min(90, degrees));
    const box = [Math.max(-180, lon - size), clamp(lat - size), Math.min(180, lon + size), clamp(lat + size)];
    const [w, s, e, n] = box as [number, number, number, number];
    const ring = [
      [w, s],
      [e, s],
      [e, n],
      [w, n],
      [w, s],
    ];
    return this.#random.pick<Value>([
      { bbox: box },
      { geometry: { type: 'Polygon', coordinates: [ring] } },
      { geometry: { type: 'MultiPolygon', coordinates: [[ring], [ring]] } },
      { circle: { lat, lon, radius: this.#random.between(0, 100_000) } },
      { zone: 'fuzz/a' },
    ]);
  }

  search(): Value {
    const limit = this.#random.chance(0.5) ? { limit: 1 + this.#random.below(500) } : {};
    return this.#random.chance(0.5)
      ? { nearest: this.nearest() }
      : { within: this.area(), ...limit, ...this.filters() };
  }

  points(): unknown {
    return Array.from({ length: this.#random.below(30) }, () => [this.lat(), this.lon()]);
  }

  /** A WebSocket frame's map. */
  frame(ref: unknown): Value {
    const random = this.#random;
    const point = { lat: this.lat(), lon: this.lon() };
    const requests: (() => Value)[] = [
      () => ({ op: 'locations', batch: this.fixes(), ack: random.pick(['applied', 'none', 'applied']) }),
      () => ({ op: 'locations', batch: this.fixes() }),
      () => ({ op: 'nearest', ...this.nearest() }),
      () => ({ op: 'within', ...this.area(), ...this.filters() }),
      () => ({ op: 'multisearch', searches: Array.from({ length: 1 + random.below(6) }, () => this.search()) }),
      () => ({ op: 'driver', id: this.id() }),
      () => ({ op: 'remove', id: this.id() }),
      () => ({ op: 'supply', resolution: random.below(10), tags: this.tags() }),
      () => ({ op: 'zonesAt', ...point, ...(random.chance(0.3) ? { layer: 'fuzz' } : {}) }),
      () => ({ op: 'zonesAt', points: this.points() }),
      () => ({ op: 'ids', n: 1 + random.below(20) }),
      () => ({ op: 'call', service: 'zoning.search', body: point }),
      () => ({ op: 'call', service: 'eta.multitraveltime', body: this.travelTimes() }),
      () => ({ op: 'nearest', ...this.nearest(), ...this.pickup() }),
      () => ({ op: 'ping' }),
      () => ({ op: random.pick(['watch', 'fences', 'claim', 'unwatch', 'release']), ...this.nearest() }),
    ];
    const request = random.pick(requests)();
    return random.chance(0.9) ? { ref, ...request } : request;
  }

  /** What a nearest search may ask beside distance. */
  pickup(): Value {
    const random = this.#random;
    return {
      rank: random.pick(['eta', 'distance']),
      policy: random.chance(0.5),
      ...(random.chance(0.5) ? { fare: true, toLat: this.lat(), toLon: this.lon() } : {}),
      ...(random.chance(0.5) ? { groups: Array.from({ length: 1 + random.below(3) }, () => this.tags()) } : {}),
    };
  }

  travelTimes(): Value {
    const random = this.#random;
    const from = Array.from({ length: 1 + random.below(8) }, () => ({
      lat: this.lat(),
      lon: this.lon(),
      ...(random.chance(0.5) ? { heading: random.below(361), speed: random.below(40) } : {}),
    }));
    return { from, to: { lat: this.lat(), lon: this.lon() } };
  }

  zones(): Value {
    const features = Array.from({ length: 1 + this.#random.below(5) }, (_, i) => {
      const [w, s] = [this.#random.between(-124, -121), this.#random.between(36, 39)];
      const size = this.#random.between(0.01, 2);
      const ring = [
        [w, s],
        [w + size, s],
        [w + size, s + size],
        [w, s + size],
        [w, s],
      ];
      const properties = { name: `zone ${i}`, priority: this.#random.below(3) };
      return { type: 'Feature', id: 'abcde'[i], properties, geometry: { type: 'Polygon', coordinates: [ring] } };
    });
    return { type: 'FeatureCollection', features };
  }

  /** Changes no drivers. */
  http(): HttpRequest {
    const random = this.#random;
    const json = { 'content-type': 'application/json' };
    const [lat, lon] = [this.lat(), this.lon()];
    const get = (target: string): HttpRequest => ({ method: 'GET', target, headers: {}, body: new Uint8Array() });
    const send = (method: string, target: string, value: unknown): HttpRequest => ({
      method,
      target,
      headers: json,
      body: Buffer.from(JSON.stringify(value)),
    });
    return random.pick<() => HttpRequest>([
      () =>
        get(`/v1/nearest?lat=${lat}&lon=${lon}&k=${1 + random.below(20)}&tags=free,xl&radius=${random.below(99_999)}`),
      () => get(`/v1/drivers/${encodeURIComponent(this.id())}`),
      () => get(`/v1/supply?resolution=${random.below(9)}&bbox=-123,37,-122,38&tags=free`),
      () => get(`/v1/zones/at?lat=${lat}&lon=${lon}&layer=fuzz`),
      () => get(random.pick(['/v1/zones', '/v1/zones/fuzz', '/healthz', '/readyz', '/metrics', '/openapi.json'])),
      () => get(`/v1/ids?n=${random.below(50)}`),
      () => get(random.pick(['/v1/services', '/v1/traces', '/v1/traces?minMs=1&error=1', '/v1/ws', '/console/'])),
      () => send('POST', '/v1/search', this.search()),
      () => send('POST', '/v1/multisearch', { searches: [this.search(), this.search()] }),
      () => send('POST', '/v1/zones/at', { points: this.points(), layer: 'fuzz' }),
      () => send('POST', '/v1/services/zoning.search', { lat, lon }),
      () => send('POST', '/v1/services/eta.multitraveltime', this.travelTimes()),
      () => send('POST', '/v1/search', { nearest: { ...this.nearest(), ...this.pickup() } }),
      () =>
        send('PUT', `/v1/zones/fuzz${random.pick(['', '?dryRun=1', '?repair=1', '?idProperty=name'])}`, this.zones()),
      () => send('DELETE', '/v1/zones/other', {}),
    ])();
  }
}
