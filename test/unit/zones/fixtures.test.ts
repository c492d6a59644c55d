// The zones of fixtures/: one layer that is taken as it is, one with every fault there is.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ZonesRefused } from '../../../src/zones/faults.ts';
import { ingestLayer } from '../../../src/zones/ingest.ts';
import { NativeZoneIndex } from '../../../src/zones/native.ts';
import { hasNativeZones, idsAt, zoneIndexes } from '../../support/zone-indexes.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/zones/${name}`, import.meta.url), 'utf8'));

describe('the fixtures of zones', () => {
  test('the districts are taken and found', async () => {
    const { layer } = ingestLayer('districts', read('districts.geojson'));
    expect(layer.ids).toHaveLength(51);
    for (const [, index] of await zoneIndexes(1, [layer])) {
      expect(idsAt(index, 64.09, -21.87)[0]).toBe('districts/centre');
      expect(idsAt(index, 64.075, -21.92)).not.toContain('districts/centre');
      expect(idsAt(index, -16.5, 180)).toEqual(['districts/islands']);
      expect(idsAt(index, -16.75, -178.75)).toEqual(['districts/islands']);
      expect(idsAt(index, 90, 12)).toEqual(['districts/arctic']);
    }
  });

  test.runIf(hasNativeZones)('a snapshot of every version of the format still attaches and answers', () => {
    for (const version of [1]) {
      const bytes = readFileSync(new URL(`../../../fixtures/zones/districts.v${version}.zones`, import.meta.url));
      const index = new NativeZoneIndex(bytes);
      expect(index.version).toBe(12);
      expect(idsAt(index, 64.09, -21.87)[0]).toBe('districts/centre');
      expect(idsAt(index, -16.5, -180)).toEqual(['districts/islands']);
      expect(idsAt(index, 90, -100)).toEqual(['districts/arctic']);
    }
  });

  test('the faults are all named', () => {
    try {
      ingestLayer('faults', read('faults.geojson'));
      expect.unreachable();
    } catch (error) {
      expect((error as ZonesRefused).faults.map(({ code, feature }) => `${feature} ${code}`)).toEqual([
        '0 NOT_CLOSED',
        '1 TOO_FEW_POSITIONS',
        '2 SELF_CROSSING',
        '3 HOLE_OUTSIDE',
        '4 BAD_POSITION',
        '5 NO_ID',
        '6 DUPLICATE_ID',
        '7 BAD_GEOMETRY',
        '8 BAD_PRIORITY',
        '9 BAD_PROPERTIES',
      ]);
    }
  });
});
