// What an upload of zones is refused for, and what repair does instead.

import { describe, expect, test } from 'vitest';
import { type Fault, ZonesRefused } from '../../../src/zones/faults.ts';
import { type IngestOptions, ingestLayer } from '../../../src/zones/ingest.ts';
import { layerToGeoJson } from '../../../src/zones/layer.ts';

type Ring = [number, number][];

const SQUARE: Ring = [
  [0, 0],
  [4, 0],
  [4, 4],
  [0, 4],
  [0, 0],
];
const shifted = (ring: Ring, x: number, size = 1): Ring => ring.map(([lon, lat]) => [lon * size + x, lat * size + x]);

function polygon(...rings: unknown[]): unknown {
  return { type: 'Feature', id: 'z', properties: null, geometry: { type: 'Polygon', coordinates: rings } };
}

function collection(...features: unknown[]): unknown {
  return { type: 'FeatureCollection', features };
}

function faultsOf(json: unknown, options: IngestOptions = {}): readonly Fault[] {
  try {
    ingestLayer('layer', json, options);
    return [];
  } catch (error) {
    if (error instanceof ZonesRefused) return error.faults;
    throw error;
  }
}

/** Codes with their places, without the messages. */
function codesOf(json: unknown, options: IngestOptions = {}): object[] {
  return faultsOf(json, options).map(({ message: _message, ...fault }) => fault);
}

describe('an upload of zones', () => {
  test('is taken with holes, either orientation, several parts, a third dimension and numeric ids', () => {
    const hole = shifted(SQUARE, 1, 0.25);
    const { layer } = ingestLayer(
      'layer',
      collection(
        { ...(polygon(SQUARE, hole.toReversed()) as object), id: 7 },
        {
          type: 'Feature',
          properties: { id: 'p', priority: 2, name: 'x' },
          geometry: {
            type: 'MultiPolygon',
            coordinates: [[SQUARE.map(([x, y]) => [x, y, 100])], [shifted(SQUARE, 10)]],
          },
        },
        { type: 'Feature', properties: { code: 9 }, geometry: { type: 'Polygon', coordinates: [SQUARE.toReversed()] } },
      ),
      { idProperty: 'code' },
    );
    expect(layer.ids).toEqual(['7', 'p', '9']);
    expect([...layer.priorities]).toEqual([0, 2, 0]);
    expect(JSON.parse(layerToGeoJson(layer)).features[1]).toEqual({
      type: 'Feature',
      id: 'p',
      properties: { id: 'p', priority: 2, name: 'x' },
      geometry: { type: 'MultiPolygon', coordinates: [[SQUARE], [shifted(SQUARE, 10)]] },
    });
  });

  test('names what is not closed or has too few positions', () => {
    expect(codesOf(collection(polygon(SQUARE.slice(0, 4))))).toEqual([
      { code: 'NOT_CLOSED', feature: 0, part: 0, ring: 0 },
    ]);
    expect(
      codesOf(
        collection(
          polygon([
            [0, 0],
            [1, 1],
            [0, 0],
          ]),
        ),
      ),
    ).toEqual([{ code: 'TOO_FEW_POSITIONS', feature: 0, part: 0, ring: 0 }]);
    expect(codesOf(collection(polygon([])))).toEqual([{ code: 'TOO_FEW_POSITIONS', feature: 0, part: 0, ring: 0 }]);
  });

  test('names bad positions by their place', () => {
    const ring = [[0, 0], [4, 91], [181, 4], ['4', 4], [1], null, [0, 0]];
    expect(codesOf(collection(polygon(SQUARE, ring)))).toEqual(
      [1, 2, 3, 4, 5].map((position) => ({ code: 'BAD_POSITION', feature: 0, part: 0, ring: 1, position })),
    );
    expect(faultsOf(collection(polygon(ring)))[0]?.message).toBe('lat must be within -90..90, got 91');
  });

  test('names edges that cross, in a ring and between rings, but not those that touch', () => {
    const bowtie: Ring = [
      [0, 0],
      [4, 4],
      [4, 0],
      [0, 4],
      [0, 0],
    ];
    expect(codesOf(collection(polygon(bowtie)))).toEqual([
      { code: 'SELF_CROSSING', feature: 0, part: 0, ring: 0, position: 0 },
    ]);
    expect(codesOf(collection(polygon(SQUARE, shifted(SQUARE, 2)))).map((fault) => (fault as Fault).code)).toContain(
      'SELF_CROSSING',
    );
    const touching: Ring = [
      [0, 0],
      [4, 0],
      [2, 2],
      [4, 4],
      [0, 4],
      [2, 2],
      [0, 0],
    ];
    expect(codesOf(collection(polygon(touching)))).toEqual([]);
  });

  test('names holes that are not in their shell, or in another hole', () => {
    expect(codesOf(collection(polygon(SQUARE, shifted(SQUARE, 10))))).toEqual([
      { code: 'HOLE_OUTSIDE', feature: 0, part: 0, ring: 1 },
    ]);
    const nested = collection(polygon(SQUARE, shifted(SQUARE, 1, 0.5), shifted(SQUARE, 1.5, 0.125)));
    expect(codesOf(nested)).toEqual([{ code: 'HOLE_OUTSIDE', feature: 0, part: 0, ring: 2 }]);
    expect(codesOf(collection(polygon(SQUARE, SQUARE)))).toEqual([
      { code: 'HOLE_OUTSIDE', feature: 0, part: 0, ring: 1 },
    ]);
    const slanted = SQUARE.map(([x, y]): [number, number] => [1.1 + x / 3 + y / 30, 1.3 + y / 7]);
    expect(codesOf(collection(polygon(SQUARE, slanted, slanted)))).toEqual([
      { code: 'HOLE_OUTSIDE', feature: 0, part: 0, ring: 2 },
    ]);
    const corner: Ring = [
      [0, 0],
      [1, 1],
      [0, 2],
      [0, 0],
    ];
    expect(codesOf(collection(polygon(SQUARE, corner)))).toEqual([]);
  });

  test('names missing and double ids, and what is no zone at all', () => {
    const nameless = { ...(polygon(SQUARE) as object), id: undefined };
    const line = { type: 'Feature', id: 'l', properties: {}, geometry: { type: 'LineString', coordinates: SQUARE } };
    const json = collection(polygon(SQUARE), polygon(SQUARE), nameless, line, null, {
      ...(polygon(SQUARE) as object),
      id: 'é'.repeat(65),
    });
    expect(codesOf(json)).toEqual([
      { code: 'DUPLICATE_ID', feature: 1 },
      { code: 'NO_ID', feature: 2 },
      { code: 'BAD_GEOMETRY', feature: 3 },
      { code: 'BAD_GEOMETRY', feature: 4 },
      { code: 'NO_ID', feature: 5 },
    ]);
    for (const other of [null, [], {}, polygon(SQUARE), { type: 'FeatureCollection', features: {} }]) {
      expect(codesOf(other)).toEqual([{ code: 'BAD_GEOMETRY' }]);
    }
  });

  test('lists the first hundred faults and counts the rest', () => {
    try {
      ingestLayer('layer', collection(...Array.from({ length: 250 }, () => polygon(SQUARE.slice(1)))), {});
      expect.unreachable();
    } catch (error) {
      const { faults, more } = (error as ZonesRefused).toBody();
      expect(faults).toHaveLength(100);
      expect(more).toBe(250 + 249 - 100); // every ring is open, and all but the first have the id of the first
    }
  });

  test('is refused for a priority that is no number and for properties that nest too deep', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 40; i++) deep = { deep };
    const feature = polygon(SQUARE) as object;
    expect(codesOf(collection({ ...feature, properties: { priority: '1' } }))).toEqual([
      { code: 'BAD_PRIORITY', feature: 0 },
    ]);
    expect(codesOf(collection({ ...feature, properties: { deep } }))).toEqual([{ code: 'BAD_PROPERTIES', feature: 0 }]);
  });

  test('needs a layer name of the allowed letters', () => {
    for (const name of ['', 'at', 'A', 'a b', 'ä', 'x'.repeat(65), '../x']) {
      expect(() => ingestLayer(name, collection())).toThrow(expect.objectContaining({ code: 'BAD_LAYER' }));
    }
    expect(ingestLayer('a-z_0.9', collection()).layer.ids).toEqual([]);
  });
});

describe('repair', () => {
  const repair = { repair: true };

  test('closes rings, drops those of no area, keeps crossings and stray holes, and says so', () => {
    const bowtie: Ring = [
      [0, 0],
      [4, 4],
      [4, 0],
      [0, 4],
    ];
    const flat: Ring = [
      [1, 1],
      [2, 2],
      [3, 3],
      [1, 1],
    ];
    const { layer, repaired } = ingestLayer('layer', collection(polygon(bowtie, flat, shifted(SQUARE, 10))), repair);
    expect(repaired?.map(({ code, ring }) => [code, ring])).toEqual([
      ['CLOSED_RING', 0],
      ['DROPPED_RING', 1],
      ['SELF_CROSSING', 0],
      ['HOLE_OUTSIDE', 2],
    ]);
    expect([...layer.ringEnds]).toEqual([5, 10]);
  });

  test('lets no zone vanish: one without any area stays as a line', () => {
    const { layer, repaired } = ingestLayer(
      'layer',
      collection(
        polygon([
          [1, 1],
          [2, 2],
        ]),
      ),
      repair,
    );
    expect([...layer.coordinates]).toEqual([1, 1, 2, 2, 1, 1]);
    expect(repaired?.map(({ code }) => code)).toContain('DROPPED_RING');
  });

  test('does not excuse what cannot be repaired', () => {
    expect(
      codesOf(
        collection(
          polygon([
            [0, 0],
            [1, 100],
            [1, 1],
            [0, 0],
          ]),
        ),
        repair,
      ),
    ).toHaveLength(1);
    expect(codesOf(collection({ ...(polygon(SQUARE) as object), id: null }), repair)).toEqual([
      { code: 'NO_ID', feature: 0 },
    ]);
    expect(codesOf(collection(polygon([])), repair)).toEqual([
      { code: 'TOO_FEW_POSITIONS', feature: 0, part: 0, ring: 0 },
    ]);
  });
});

describe('rings at the antimeridian', () => {
  test('that say one position of it twice, once on either side, go on there instead of around the map', () => {
    const stitched: Ring = [
      [180, -16],
      [179, -17],
      [179, -15],
      [-180, -15],
      [-179, -16],
      [-180, -16],
      [180, -16],
    ];
    const { layer } = ingestLayer('layer', collection(polygon(stitched)));
    expect(layer.areas[0]).toBeLessThan(1e11);
    expect([...layer.coordinates].filter((number) => number === 180)).toEqual([]);
  });

  test('keep their edge of the map where they were cut', () => {
    const band: Ring = [
      [-180, -10],
      [180, -10],
      [180, 10],
      [-180, 10],
      [-180, -10],
    ];
    const { layer } = ingestLayer('layer', collection(polygon(band)));
    expect([...layer.coordinates]).toEqual(band.flat());
  });
});
