// How long a layer takes from GeoJSON bytes to published, stage by stage; and its snapshot as a file, for lookup.cc beside this file.
//
//   npm run build && node bench/micro/zones/build.mjs LAYER.geojson[.gz] [SNAPSHOT]
//   node bench/micro/zones/build.mjs stars 200 20000 0.5 [SNAPSHOT]     zones × vertices, jagged by half
//
// Times are the median of nine runs in one process, after one that does not count.

import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { ingestLayer } from '../../../dist/zones/ingest.js';
import { assemble, buildSection, NativeZoneIndex, NativeZones } from '../../../dist/zones/native.js';
import { nativePublication } from '../../../dist/zones/publications.js';
import { ZoneStore } from '../../../dist/zones/store.js';

const RUNS = 9;

const [source, ...rest] = process.argv.slice(2);
if (source === undefined) {
  console.error('usage: build.mjs LAYER.geojson[.gz] [SNAPSHOT] | stars ZONES VERTICES JITTER [SNAPSHOT]');
  process.exit(2);
}
const measured = source === 'stars' ? await measureStars() : await measureUpload();
const out = source === 'stars' ? rest[3] : rest[0];
if (out !== undefined) writeFileSync(out, assemble(1, [await buildSection(measured)]));

/** The whole way through a store, as a PUT goes. */
async function measureUpload() {
  const file = readFileSync(source);
  const bytes = source.endsWith('.gz') ? gunzipSync(file) : file;
  const json = JSON.parse(bytes);
  // Ids by place, so that any file will do.
  json.features.forEach((feature, i) => {
    feature.id = i;
  });
  const body = Buffer.from(JSON.stringify(json));
  const zones = new NativeZones();
  const store = new ZoneStore(nativePublication(zones));
  const stages = { parse: [], check: [], build: [], publish: [], total: [] };
  for (let run = 0; run <= RUNS; run++) {
    const start = performance.now();
    await store.put('layer', body, { repair: true, onStage: (stage, ms) => run > 0 && stages[stage].push(ms) });
    if (run > 0) stages.total.push(performance.now() - start);
  }
  const { zones: count, vertices } = store.list()[0];
  console.log(`${count} zones, ${vertices} vertices, ${body.length} bytes of GeoJSON`);
  for (const [stage, values] of Object.entries(stages))
    console.log(`zones.build.${stage} ${median(values).toFixed(1)} ms`);
  return ingestLayer('layer', json, { repair: true }).layer;
}

/** Stars on a grid over the United States, each vertex pulled in by up to the jitter. */
async function measureStars() {
  const [zones, vertices, jitter] = rest.slice(0, 3).map(Number);
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const features = Array.from({ length: zones }, (_none, zone) => {
    const lon = -120 + (zone % 20) * 2.5;
    const lat = 25 + Math.floor(zone / 20) * 2.5;
    const ring = Array.from({ length: vertices }, (_, i) => {
      const angle = (2 * Math.PI * i) / vertices;
      const radius = (1.2 + 0.1 * Math.sin(5 * angle + zone)) * (1 - jitter * random());
      return [lon + radius * Math.cos(angle), lat + radius * Math.sin(angle)];
    });
    ring.push(ring[0]);
    return { type: 'Feature', id: zone, properties: null, geometry: { type: 'Polygon', coordinates: [ring] } };
  });
  const start = performance.now();
  const { layer } = ingestLayer('layer', { type: 'FeatureCollection', features });
  const checked = performance.now();
  const section = await buildSection(layer);
  const built = performance.now();
  const index = new NativeZoneIndex(assemble(1, [section]));
  console.log(`${zones} zones of ${vertices} vertices, jitter ${jitter}: ${index.byteLength} bytes`);
  console.log(`check ${(checked - start).toFixed(0)} ms, build ${(built - checked).toFixed(0)} ms`);
  return layer;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
