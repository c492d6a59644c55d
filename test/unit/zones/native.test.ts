// Native zones as serving threads use them: answers in MessagePack, snapshots as bytes, publishing.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unpackMessage } from '../../../src/protocol/codec.ts';
import { ingestLayer } from '../../../src/zones/ingest.ts';
import type { Layer } from '../../../src/zones/layer.ts';
import { assemble, buildSection, NativeZoneIndex, NativeZones } from '../../../src/zones/native.ts';
import { nativePublication } from '../../../src/zones/native-publication.ts';
import { ZoneStore } from '../../../src/zones/store.ts';
import { hasNativeZones, idsAt } from '../../support/zone-indexes.ts';

function collectionOf(...ids: string[]): object {
  const features = ids.map((id, i) => ({
    type: 'Feature',
    id,
    properties: { name: `zone ${id}`, priority: -i },
    geometry: {
      type: 'Polygon',
      coordinates: [
        [
          [0, 0],
          [2, 0],
          [2, 2],
          [0, 2],
          [0, 0],
        ],
      ],
    },
  }));
  return { type: 'FeatureCollection', features };
}

const layerOf = (name: string, ...ids: string[]): Layer => ingestLayer(name, collectionOf(...ids)).layer;
const answer = (id: string, layer: string, priority: number): object => ({
  layer,
  id,
  properties: { name: `zone ${id}`, priority },
});

describe.runIf(hasNativeZones)('native zones', () => {
  let zones: NativeZones;

  beforeEach(() => {
    zones = new NativeZones();
  });
  afterEach(() => {
    zones.close();
  });

  test('answer with no zones and version 0 before anything was published', () => {
    const out = { bytes: new Uint8Array(64) };
    const end = zones.answerAt(1, 1, undefined, undefined, out, 0);
    expect(unpackMessage(out.bytes.subarray(0, end))).toEqual({ version: 0, zones: [] });
    expect(zones.version).toBe(0);
  });

  test('answer a point and many points, in all layers and in one, growing the buffer as needed', async () => {
    const store = new ZoneStore(nativePublication(zones));
    await store.put('b', Buffer.from(JSON.stringify(collectionOf('x', 'y'))));
    await store.put('a', Buffer.from(JSON.stringify(collectionOf('z'))));
    expect(zones.version).toBe(2);
    const out = { bytes: new Uint8Array([7]) };
    let end = zones.answerAt(1, 2, undefined, 'ref', out, 1);
    expect(out.bytes[0]).toBe(7);
    expect(unpackMessage(out.bytes.subarray(1, end))).toEqual({
      ref: 'ref',
      version: 2,
      zones: [answer('z', 'a', 0), answer('x', 'b', 0), answer('y', 'b', -1)],
    });
    end = zones.answerPoints(Float64Array.of(1, 1, 3, 3), 'b', 5, out) as number;
    expect(unpackMessage(out.bytes.subarray(0, end))).toEqual({
      ref: 5,
      version: 2,
      results: [{ zones: [answer('x', 'b', 0), answer('y', 'b', -1)] }, { zones: [] }],
    });
    end = zones.answerAt(1, 1, 'unknown', undefined, out, 0);
    expect(unpackMessage(out.bytes.subarray(0, end))).toEqual({ version: 2, zones: [] });
  });

  test('answer many points in many zones in turns, all in the version of the first', async () => {
    const store = new ZoneStore(nativePublication(zones));
    const names = Array.from({ length: 200 }, (_, i) => `zone${i}`);
    await store.put('a', Buffer.from(JSON.stringify(collectionOf(...names))));
    const out = { bytes: new Uint8Array(64) };
    const later = zones.answerPoints(new Float64Array(4_000).fill(1), undefined, 'many', out);
    expect(later).toBeInstanceOf(Promise);
    let turns = 0;
    const counting = setInterval(() => turns++, 0);
    await store.remove('a');
    const answered = unpackMessage((await later) as Uint8Array) as {
      ref: string;
      version: number;
      results: { zones: unknown[] }[];
    };
    clearInterval(counting);
    expect(turns).toBeGreaterThan(0);
    expect(zones.version).toBe(2);
    expect([answered.ref, answered.version, answered.results.length]).toEqual(['many', 1, 2_000]);
    expect(answered.results.every((result) => result.zones.length === 200)).toBe(true);
    expect(zones.collect()).toBe(0);
  });

  test('refuse points whose answer would be too large, and go on', async () => {
    const store = new ZoneStore(nativePublication(zones));
    const names = Array.from({ length: 1_000 }, (_, i) => `zone${i}`);
    await store.put('a', Buffer.from(JSON.stringify(collectionOf(...names))));
    const out = { bytes: new Uint8Array(64) };
    const later = zones.answerPoints(new Float64Array(20_000).fill(1), 'a', undefined, out) as Promise<Uint8Array>;
    await expect(later).rejects.toMatchObject({ code: 'TOO_LARGE' });
    const end = zones.answerPoints(new Float64Array(2).fill(1), 'a', undefined, out) as number;
    expect((unpackMessage(out.bytes.subarray(0, end)) as { version: number }).version).toBe(1);
  });

  test('answer points when nothing was ever published', () => {
    const out = { bytes: new Uint8Array(4) };
    const end = zones.answerPoints(new Float64Array(6), undefined, 1, out) as number;
    const empty = { zones: [] };
    expect(unpackMessage(out.bytes.subarray(0, end))).toEqual({ ref: 1, version: 0, results: [empty, empty, empty] });
  });

  test('are shared by handle, and free what was replaced', async () => {
    const other = new NativeZones(zones.handle);
    zones.publish(new NativeZoneIndex(assemble(8, [await buildSection(layerOf('a', 'x'))])));
    expect(other.version).toBe(8);
    other.publish(new NativeZoneIndex(assemble(9, [])));
    expect(zones.version).toBe(9);
    expect(zones.collect()).toBe(0);
    const index = new NativeZoneIndex(assemble(10, []));
    zones.publish(index);
    index.release();
    expect(() => index.lookup(0, 0)).toThrow('released');
    expect(other.version).toBe(10);
    other.close();
    expect(() => other.version).toThrow('closed');
    expect(() => new NativeZones(1e9)).toThrow('no thread holds');
  });

  test('attach to bytes that were stored, and refuse damaged ones', async () => {
    const bytes = assemble(3, [await buildSection(layerOf('a', 'x'))]);
    const index = new NativeZoneIndex(bytes.slice());
    expect([index.version, idsAt(index, 1, 1), index.zone(0)]).toEqual([3, ['a/x'], answer('x', 'a', 0)]);
    expect(index.shape('a', 'x')?.boxes).toEqual([[0, 0, 2, 2]]);
    expect(index.shape('a', 'y')).toBeUndefined();
    expect(() => index.zone(1)).toThrow('no such zone');
    for (const at of [0, 9, 40, 70, 200, bytes.length - 70]) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ 1;
      expect(() => new NativeZoneIndex(damaged)).toThrow(/snapshot|section/);
    }
    expect(() => new NativeZoneIndex(bytes.subarray(0, bytes.length - 1))).toThrow('length');
    expect(() => assemble(1, [new ArrayBuffer(10)])).toThrow('too short');
  });

  test('refuse arrays that do not fit together', async () => {
    const layer = layerOf('a', 'x');
    await expect(buildSection({ ...layer, ringEnds: Uint32Array.of(99) })).rejects.toThrow('ringEnds');
    await expect(buildSection({ ...layer, coordinates: layer.coordinates.map((n) => n * 1000) })).rejects.toThrow(
      'globe',
    );
  });

  test('look up many points in one call', async () => {
    const index = new NativeZoneIndex(assemble(1, [await buildSection(layerOf('a', 'x', 'y'))]));
    const counts = new Uint32Array(3);
    const out = new Uint32Array(3);
    expect(index.lookupMany(Float64Array.of(1, 1, 5, 5, 0, 0), counts, out)).toBe(4);
    expect([[...counts], [...out]]).toEqual([
      [2, 0, 2],
      [0, 1, 0],
    ]);
  });
});
