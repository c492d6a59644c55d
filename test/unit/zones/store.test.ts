// Who may change which layer: versions, ETags, refusals that change nothing.

import { beforeEach, describe, expect, test } from 'vitest';
import { portablePublication } from '../../../src/zones/portable-publication.ts';
import { ZoneStore } from '../../../src/zones/store.ts';
import type { ZoneIndex } from '../../../src/zones/zone-index.ts';
import { idsAt } from '../../support/zone-indexes.ts';

function squares(...corners: [id: string, lon: number, lat: number, properties?: object][]): Uint8Array {
  const features = corners.map(([id, x, y, properties]) => ({
    type: 'Feature',
    id,
    properties: properties ?? null,
    geometry: {
      type: 'Polygon',
      coordinates: [
        [
          [x, y],
          [x + 2, y],
          [x + 2, y + 2],
          [x, y + 2],
          [x, y],
        ],
      ],
    },
  }));
  return Buffer.from(JSON.stringify({ type: 'FeatureCollection', features }));
}

const code = (wanted: string): unknown => expect.objectContaining({ code: wanted });
const tooLarge = (bound: string): object => ({ code: 'TOO_LARGE', message: expect.stringContaining(bound) });

describe('a store of layers', () => {
  let published: ZoneIndex[];
  let store: ZoneStore;
  const current = (): ZoneIndex => published[published.length - 1] as ZoneIndex;

  beforeEach(async () => {
    published = [];
    const archive = { load: async () => ({ version: 41, layers: [] }), save: async () => {} };
    store = new ZoneStore(
      portablePublication((index) => published.push(index)),
      { archive },
    );
    await store.restore();
    published.length = 0;
  });

  test('gives every change a higher version and shows all layers in it', async () => {
    expect(await store.put('a', squares(['x', 0, 0]))).toMatchObject({
      layer: 'a',
      version: 42,
      zones: 1,
      vertices: 5,
    });
    expect((await store.put('b', squares(['y', 0, 0]))).version).toBe(43);
    expect(current().version).toBe(43);
    expect(idsAt(current(), 1, 1)).toEqual(['a/x', 'b/y']);
    expect((await store.remove('a')).version).toBe(44);
    expect(idsAt(current(), 1, 1)).toEqual(['b/y']);
    expect(store.list().map(({ layer, etag }) => [layer, etag])).toEqual([['b', '"43"']]);
  });

  test('lets an editor change only the version that it has seen', async () => {
    await store.put('a', squares(['x', 0, 0]));
    const { etag } = store.get('a');
    expect(etag).toBe('"42"');
    await store.put('b', squares(['y', 0, 0]));
    expect(store.get('a').etag).toBe('"42"');
    await store.put('a', squares(['x', 5, 5]), { ifMatch: etag });
    await expect(store.put('a', squares(['x', 9, 9]), { ifMatch: etag })).rejects.toThrow(code('VERSION_CONFLICT'));
    await expect(store.remove('a', etag)).rejects.toThrow(code('VERSION_CONFLICT'));
    await expect(store.put('new', squares(), { ifMatch: '*' })).rejects.toThrow(code('VERSION_CONFLICT'));
    expect(idsAt(current(), 6, 6)).toEqual(['a/x']);
    await store.put('a', squares(['x', 9, 9]), { ifMatch: `"1", ${store.get('a').etag}` });
    expect(idsAt(current(), 10, 10)).toEqual(['a/x']);
  });

  test('of two editors at once lets one win', async () => {
    await store.put('a', squares(['x', 0, 0]));
    const { etag } = store.get('a');
    const results = await Promise.allSettled([
      store.put('a', squares(['x', 1, 1]), { ifMatch: etag }),
      store.put('a', squares(['x', 2, 2]), { ifMatch: etag }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(store.version).toBe(43);
  });

  test('changes nothing when it refuses', async () => {
    await store.put('a', squares(['x', 0, 0]));
    await expect(store.put('a', Buffer.from('{"type":'))).rejects.toThrow(code('BAD_JSON'));
    await expect(store.put('a', Buffer.from('['.repeat(1e6)))).rejects.toThrow(code('BAD_JSON'));
    await expect(store.put('a', squares(['x', 0, 89]))).rejects.toThrow(code('BAD_ZONES'));
    await expect(store.put('At', squares())).rejects.toThrow(code('BAD_LAYER'));
    await expect(store.remove('b')).rejects.toThrow(code('UNKNOWN_LAYER'));
    expect(() => store.get('b')).toThrow(code('UNKNOWN_LAYER'));
    expect(store.version).toBe(42);
    expect(published).toHaveLength(1);
  });

  test('stays as it was when building or publishing fails', async () => {
    let fails = false;
    const fragile = new ZoneStore({
      build: async () => {
        if (fails) throw new Error('no memory');
      },
      publish: () => undefined,
    });
    await fragile.put('a', squares(['x', 0, 0]));
    fails = true;
    await expect(fragile.put('a', squares(['y', 0, 0]))).rejects.toThrow('no memory');
    fails = false;
    expect(fragile.version).toBe(1);
    expect(JSON.parse(fragile.get('a').geojson).features[0].id).toBe('x');
  });

  test('says on a dry run what would change, and changes nothing', async () => {
    await store.put('a', squares(['same', 0, 0], ['moved', 3, 3], ['renamed', 6, 6, { name: 'old' }], ['gone', 9, 9]));
    const next = squares(['new', 20, 20], ['same', 0, 0], ['moved', 3, 4], ['renamed', 6, 6, { name: 'new' }]);
    expect(await store.put('a', next, { dryRun: true })).toEqual({
      layer: 'a',
      version: 42,
      zones: 4,
      vertices: 20,
      added: ['new'],
      removed: ['gone'],
      changed: ['moved', 'renamed'],
    });
    expect(store.version).toBe(42);
  });

  test('refuses JSON of more values than zones can have before it parses it', async () => {
    const unit = { lists: '[],', objects: '{},', members: '"a":0,' };
    const lists = `{"features":[${unit.lists.repeat(6_100_000)}0]}`;
    await expect(store.put('a', Buffer.from(lists))).rejects.toMatchObject(tooLarge('6000000 lists'));
    const objects = `{"features":[${unit.objects.repeat(4_100_000)}0]}`;
    await expect(store.put('a', Buffer.from(objects))).rejects.toMatchObject(tooLarge('4000000 members'));
    const members = `{${unit.members.repeat(4_100_000)}"b":0}`;
    await expect(store.put('a', Buffer.from(members))).rejects.toMatchObject(tooLarge('4000000 members'));
    expect(store.version).toBe(41);
  });

  test('takes so many bytes of all layers together, and counts a layer that it replaces once', async () => {
    const body = squares(['x', 0, 0], ['y', 5, 5]);
    const small = new ZoneStore(
      portablePublication((index) => published.push(index)),
      { totalBytesMax: 2 * body.length + 100 },
    );
    await small.put('a', body);
    await small.put('b', body);
    await expect(small.put('c', body)).rejects.toMatchObject(tooLarge(`${2 * body.length + 100} bytes`));
    await small.put('b', body);
    await small.remove('a');
    expect((await small.put('c', body)).version).toBe(5);
    expect(idsAt(current(), 1, 1)).toEqual(['b/x', 'c/x']);
  });

  test('gives a layer back as it was uploaded', async () => {
    const body = squares(['x', 0, 0, { name: 'X', priority: 3 }], ['y', 1, 1]);
    await store.put('a', body);
    expect(JSON.parse(store.get('a').geojson)).toEqual(JSON.parse(body.toString()));
  });
});
