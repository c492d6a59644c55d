// Builds the two layers that lookups are measured in, writes their snapshots as files, and times batches through the addon.
// Runs as a task of its own process: {seed, directory, rounds} → files and microseconds a point.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ingestLayer } from '#dist/zones/ingest.js';
import { assemble, buildSection, NativeZoneIndex } from '#dist/zones/native.js';
import { answerTask } from '../../lib/processes.ts';
import { median } from '../../lib/statistics.ts';
import { countyLayer, pointsIn, STARS_BOX, starLayer, UNITED_STATES } from '../../lib/zone-layers.ts';

export interface SnapshotsTask {
  readonly seed: number;
  readonly directory: string;
  readonly rounds: number;
}

export interface MeasuredLayer {
  readonly file: string;
  readonly box: readonly number[];
  readonly zones: number;
  /** Mean of a batch. */
  readonly microsPerPoint: number;
}

export interface SnapshotsResult {
  readonly counties: MeasuredLayer;
  readonly stars: MeasuredLayer;
  readonly invented?: string;
}

const POINTS = 200_000;

await answerTask(async ({ seed, directory, rounds }: SnapshotsTask): Promise<SnapshotsResult> => {
  const measure = async (name: string, text: string, box: readonly number[]): Promise<MeasuredLayer> => {
    const { layer } = ingestLayer(name, JSON.parse(text), { repair: true });
    const bytes = assemble(1, [await buildSection(layer)]);
    const file = join(directory, `${name}.zones`);
    writeFileSync(file, bytes);
    const index = new NativeZoneIndex(bytes);
    const points = pointsIn(box, POINTS, seed);
    const counts = new Uint32Array(POINTS);
    const out = new Uint32Array(4 * POINTS);
    const micros: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const startedAt = performance.now();
      index.lookupMany(points, counts, out);
      if (round > 0) micros.push(((performance.now() - startedAt) * 1000) / POINTS);
    }
    return { file, box, zones: layer.ids.length, microsPerPoint: median(micros) };
  };
  const { body, invented } = countyLayer(seed);
  return {
    counties: await measure('counties', body.toString(), UNITED_STATES),
    stars: await measure('stars', starLayer(seed), STARS_BOX),
    ...(invented === undefined ? {} : { invented }),
  };
});
