// The native zone index: the C++ core of native/src/zones behind the interface of zone-index.ts, and what serving threads answer from.
//
//   const section = await buildSection(layer);                       // off the thread
//   const snapshot = new NativeZoneIndex(assemble(1, [section]));    // checked, attached
//   const zones = openNativeZones(); zones.publish(snapshot);        // every thread that attached to zones.handle sees it
//   const end = zones.answerAt(40.7, -74, undefined, undefined, out, 0);
//
// A section and a snapshot are plain bytes: they can be stored, sent, and attached elsewhere without building (docs/zones.md).

import { RazielError } from '../errors.ts';
import { ANSWER_BYTES_MAX } from '../limits.ts';
import { packMessage as pack, unpackMessage as unpack } from '../protocol/codec.ts';
import type { Ref, ReplyBuffer } from '../drivers/engine.ts';
import { loadNative } from '../drivers/native.ts';
import type { Layer } from './layer.ts';
import { PointsAnswer } from './native-points.ts';
import type { ZoneAnswer, ZoneIndex, ZoneShape } from './zone-index.ts';

/** native/src/zones_addon.cc documents each call. */
interface ZonesAddon {
  buildZoneLayer(input: { readonly [name: string]: unknown }): Promise<ArrayBuffer>;
  assembleZones(version: number, sections: readonly ArrayBuffer[]): ArrayBuffer;
  /** From bytes, or the one that the zones publish, which there must be. */
  ZoneSnapshot: new (
    bytes: Uint8Array | AddonZones,
  ) => AddonSnapshot;
  Zones: new (handle?: number) => AddonZones;
}

export interface AddonSnapshot {
  readonly version: number;
  readonly byteLength: number;
  readonly zoneCount: number;
  lookup(lat: number, lon: number, layer: string | undefined, out: Uint32Array): number;
  lookupMany(points: Float64Array, counts: Uint32Array, out: Uint32Array): number;
  answer(zone: number): Uint8Array;
  contains(layer: string, id: string, lat: number, lon: number): boolean | undefined;
  boxes(layer: string, id: string): Float64Array | undefined;
  /** `state` is microseconds, and afterwards the next point and the bytes that it needs. */
  answerPoints(
    points: Float64Array,
    from: number,
    layer: string | undefined,
    out: Uint8Array,
    offset: number,
    state: Float64Array,
  ): number;
  release(): void;
}

interface AddonZones {
  readonly handle: number;
  readonly version: number;
  publish(snapshot: AddonSnapshot): void;
  collect(): number;
  numbersAt(lat: number, lon: number, out: Float64Array): number;
  answerOf(version: number, zone: number): Uint8Array | undefined;
  answerAt(
    lat: number,
    lon: number,
    layer: string | undefined,
    ref: Uint8Array | undefined,
    out: Uint8Array,
    offset: number,
  ): number;
  close(): void;
}

/** @throws Error when the addon cannot be loaded */
function addon(): ZonesAddon {
  const native = loadNative();
  if (!native.ok) throw new Error(`the native zones cannot be loaded: ${native.reason}`);
  return native.addon as unknown as ZonesAddon;
}

/** Builds one layer's bytes on another thread. The layer's arrays must not be written to meanwhile. */
export function buildSection(layer: Layer): Promise<ArrayBuffer> {
  const ids = concatenated(layer.ids.map((id) => Buffer.from(id)));
  const answers = concatenated(
    layer.ids.map((id, zone) => pack({ layer: layer.name, id, properties: layer.properties[zone] ?? null })),
  );
  return addon().buildZoneLayer({
    name: layer.name,
    coordinates: layer.coordinates,
    ringEnds: layer.ringEnds,
    partEnds: layer.partEnds,
    zoneEnds: layer.zoneEnds,
    priorities: layer.priorities,
    areas: layer.areas,
    ids: ids.bytes,
    idEnds: ids.ends,
    answers: answers.bytes,
    answerEnds: answers.ends,
  });
}

/** Puts the sections of all layers together to the bytes of a snapshot. */
export function assemble(version: number, sections: readonly ArrayBuffer[]): Uint8Array {
  return new Uint8Array(addon().assembleZones(version, sections));
}

function concatenated(items: readonly Uint8Array[]): { bytes: Uint8Array; ends: Uint32Array } {
  const ends = new Uint32Array(items.length);
  let end = 0;
  items.forEach((item, i) => {
    end += item.length;
    ends[i] = end;
  });
  const bytes = new Uint8Array(end);
  items.forEach((item, i) => bytes.set(item, (ends[i] as number) - item.length));
  return { bytes, ends };
}

export class NativeZoneIndex implements ZoneIndex {
  readonly #snapshot: AddonSnapshot;
  #out = new Uint32Array(64);

  /** @throws Error for bytes that are no snapshot, or a damaged one */
  constructor(bytes: Uint8Array) {
    this.#snapshot = new (addon().ZoneSnapshot)(bytes);
  }

  get version(): number {
    return this.#snapshot.version;
  }

  get byteLength(): number {
    return this.#snapshot.byteLength;
  }

  lookup(lat: number, lon: number, layer?: string): readonly number[] {
    const count = this.#snapshot.lookup(lat, lon, layer, this.#out);
    if (count > this.#out.length) {
      this.#out = new Uint32Array(2 * count);
      this.#snapshot.lookup(lat, lon, layer, this.#out);
    }
    return Array.from(this.#out.subarray(0, count));
  }

  /**
   * Looks up many points, given as lat, lon, lat, lon, …, in all layers. `counts[i]` becomes the number of zones of point i; those of all points
   * come one behind the other in `out`, as many as fit. Returns how many there are in all.
   */
  lookupMany(points: Float64Array, counts: Uint32Array, out: Uint32Array): number {
    return this.#snapshot.lookupMany(points, counts, out);
  }

  zone(number: number): ZoneAnswer {
    return unpack(this.#snapshot.answer(number)) as ZoneAnswer;
  }

  shape(layer: string, id: string): ZoneShape | undefined {
    const numbers = this.#snapshot.boxes(layer, id);
    if (numbers === undefined) return undefined;
    const boxes: [number, number, number, number][] = [];
    for (let i = 0; i < numbers.length; i += 4) {
      boxes.push([...numbers.subarray(i, i + 4)] as [number, number, number, number]);
    }
    return { contains: (lat, lon) => this.#snapshot.contains(layer, id, lat, lon) === true, boxes };
  }

  /** Frees the memory as soon as nobody looks up in it, without waiting for the garbage collector. No other call may follow. */
  release(): void {
    this.#snapshot.release();
  }

  /** For NativeZones.publish. */
  get attached(): unknown {
    return this.#snapshot;
  }
}

/** Zones whose answers a thread keeps decoded. */
const DECODED_MAX = 4_096;

/** The zones that the lookups of one process see: one of these a thread, all with one handle. */
export class NativeZones {
  readonly #zones: AddonZones;
  /** A version, and numbers of zones. */
  #numbers = new Float64Array(64);
  /** What answers say of zones, by number, of one version. */
  readonly #known = new Map<number, ZoneAnswer>();
  #decodedVersion = 0;

  /** @param handle of zones that another thread holds; without one, new zones, empty */
  constructor(handle?: number) {
    this.#zones = handle === undefined ? new (addon().Zones)() : new (addon().Zones)(handle);
  }

  get handle(): number {
    return this.#zones.handle;
  }

  /** The version that lookups see now, 0 before the first. */
  get version(): number {
    return this.#zones.version;
  }

  /** One atomic store; no lookup waits. The snapshot before is freed when its last lookup has ended. */
  publish(index: NativeZoneIndex): void {
    this.#zones.publish(index.attached as AddonSnapshot);
  }

  /** Frees what no lookup sees any more; returns how many old snapshots are still held. */
  collect(): number {
    return this.#zones.collect();
  }

  /** Writes `{"ref"?, "version", "zones":[…]}` as MessagePack into `out` from `offset`; returns the offset behind it. */
  answerAt(lat: number, lon: number, layer: string | undefined, ref: Ref, out: ReplyBuffer, offset: number): number {
    const packedRef = ref === undefined ? undefined : pack(ref);
    const end = this.#zones.answerAt(lat, lon, layer, packedRef, out.bytes, offset);
    if (end >= 0) return end;
    return grown(out, offset, (bytes) => this.#zones.answerAt(lat, lon, layer, packedRef, bytes, offset));
  }

  /**
   * Writes `{"ref"?, "version", "results":[{"zones":[…]}, …]}` from 0 on; points are lat, lon, lat, lon, … What takes long goes on in later
   * turns of the event loop, in the version that it began with, and resolves to bytes of its own.
   * @throws RazielError (or rejects with one) TOO_LARGE for an answer of more than ANSWER_BYTES_MAX
   */
  answerPoints(
    points: Float64Array,
    layer: string | undefined,
    ref: Ref,
    out: ReplyBuffer,
  ): number | Promise<Uint8Array> {
    const snapshot = this.version === 0 ? undefined : new (addon().ZoneSnapshot)(this.#zones);
    return new PointsAnswer(snapshot, points, layer).start(ref, out);
  }

  /** The zones at a point, in the order of answers, and the version that they are of. What was decoded of a version is kept until the next. */
  at(lat: number, lon: number): { readonly version: number; readonly zones: readonly ZoneAnswer[] } {
    for (;;) {
      let count = this.#zones.numbersAt(lat, lon, this.#numbers);
      if (count >= this.#numbers.length) {
        this.#numbers = new Float64Array(2 * count);
        count = this.#zones.numbersAt(lat, lon, this.#numbers);
      }
      const version = this.#numbers[0] as number;
      const zones = this.#decoded(version, count);
      // Another version may have been published in between.
      if (zones !== undefined) return { version, zones };
    }
  }

  #decoded(version: number, count: number): readonly ZoneAnswer[] | undefined {
    if (version !== this.#decodedVersion || this.#known.size > DECODED_MAX) {
      this.#decodedVersion = version;
      this.#known.clear();
    }
    const zones: ZoneAnswer[] = [];
    for (let i = 1; i <= count; i++) {
      const number = this.#numbers[i] as number;
      let zone = this.#known.get(number);
      if (zone === undefined) {
        const bytes = this.#zones.answerOf(version, number);
        if (bytes === undefined) return undefined;
        zone = unpack(bytes) as ZoneAnswer;
        this.#known.set(number, zone);
      }
      zones.push(zone);
    }
    return zones;
  }

  close(): void {
    this.#zones.close();
  }
}

/**
 * Writes, and writes again into a larger buffer when the first was too small. What lies before `offset` is kept.
 * @throws RazielError TOO_LARGE for an answer of more than ANSWER_BYTES_MAX
 */
function grown(out: ReplyBuffer, offset: number, write: (bytes: Uint8Array) => number): number {
  for (;;) {
    const end = write(out.bytes);
    if (end >= 0) return end;
    if (-end - offset > ANSWER_BYTES_MAX) {
      throw new RazielError(
        'TOO_LARGE',
        `the answer must take at most ${ANSWER_BYTES_MAX} bytes, got ${-end - offset}`,
      );
    }
    // Another version may be published in between, so ask for more than was needed, and ask again.
    const larger = new Uint8Array(-end + (-end >> 1));
    larger.set(out.bytes.subarray(0, offset));
    out.bytes = larger;
  }
}
