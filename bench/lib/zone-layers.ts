// Layers to measure zones with: the counties of the United States where they lie beside the repository, else invented ones of like size;
// and stars of many vertices.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { seededRandom } from '#dist/demo/random.js';
import { PROJECT_DIR } from './paths.ts';

/** Where the random points lie: west, south, east, north. */
export const UNITED_STATES = [-125, 24.5, -66.5, 49.5] as const;
export const STARS_BOX = [-121, 24, -71, 48.5] as const;

const COUNTIES_FILE = join(PROJECT_DIR, '../shared/data/zones/us_counties/us_counties_10m.geojson.gz');
const INVENTED_COLUMNS = 63;
const INVENTED_ROWS = 51;
const INVENTED_VERTICES = 32;

export interface CountyLayer {
  /** GeoJSON, to be taken with `repair`. */
  readonly body: Buffer;
  /** Why these are not the real ones; undefined when they are. */
  readonly invented: string | undefined;
}

export function countyLayer(seed: number): CountyLayer {
  if (existsSync(COUNTIES_FILE)) return { body: gunzipSync(readFileSync(COUNTIES_FILE)), invented: undefined };
  const invented = 'THE COUNTIES ARE INVENTED, because the shared data is not there';
  return { body: Buffer.from(inventedCounties(seed)), invented };
}

/** 3,213 patches with crooked edges, side by side. */
function inventedCounties(seed: number): string {
  const random = seededRandom(seed);
  const [west, south, east, north] = UNITED_STATES;
  const width = (east - west) / INVENTED_COLUMNS;
  const height = (north - south) / INVENTED_ROWS;
  const features = Array.from({ length: INVENTED_COLUMNS * INVENTED_ROWS }, (_, i) => {
    const lon = west + (0.5 + (i % INVENTED_COLUMNS)) * width;
    const lat = south + (0.5 + Math.floor(i / INVENTED_COLUMNS)) * height;
    return star(`county ${i}`, lon, lat, width / 2, height / 2, INVENTED_VERTICES, 0.2, random);
  });
  return JSON.stringify({ type: 'FeatureCollection', features });
}

/** 200 stars of 20,000 vertices, each vertex pulled in by up to half. */
export function starLayer(seed: number): string {
  const random = seededRandom(seed);
  const features = Array.from({ length: 200 }, (_, i) =>
    star(`star ${i}`, -120 + (i % 20) * 2.5, 25 + Math.floor(i / 20) * 2.5, 1.25, 1.25, 20_000, 0.5, random),
  );
  return JSON.stringify({ type: 'FeatureCollection', features });
}

function star(
  id: string,
  lon: number,
  lat: number,
  width: number,
  height: number,
  vertices: number,
  jitter: number,
  random: () => number,
): object {
  const ring = Array.from({ length: vertices }, (_, i) => {
    const angle = (2 * Math.PI * i) / vertices;
    const radius = 1 - jitter * random();
    return [lon + width * radius * Math.cos(angle), lat + height * radius * Math.sin(angle)];
  });
  return {
    type: 'Feature',
    id,
    properties: { name: id },
    geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]]] },
  };
}

/** Random points of a box: lat, lon, lat, lon, … */
export function pointsIn([west, south, east, north]: readonly number[], count: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  const points = new Float64Array(2 * count);
  for (let i = 0; i < count; i++) {
    points[2 * i] = (south as number) + random() * ((north as number) - (south as number));
    points[2 * i + 1] = (west as number) + random() * ((east as number) - (west as number));
  }
  return points;
}
