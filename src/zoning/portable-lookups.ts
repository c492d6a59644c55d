// The portable zones of a server's one serving thread. The zones thread has checked what comes here; the index of a layer is made in slices
// between the thread's other work, and put in place at once.

import type { Ref, ReplyBuffer } from '../drivers/engine.ts';
import { RazielError } from '../errors.ts';
import { ANSWER_BYTES_MAX } from '../limits.ts';
import { packMessage } from '../protocol/codec.ts';
import type { ZonesAtQuery } from '../protocol/zones-at.ts';
import { PortableZoneIndex, prepareLayer, type PreparedLayer } from '../zones/portable.ts';
import type { ZoneIndex } from '../zones/zone-index.ts';
import type { ZoneLookups } from './lookups.ts';
import type { PrepareLayer, PublishLayers } from './messages.ts';
import type { PublicationListener } from './remote.ts';

const SLICE_MS = 3;

export class PortableLookups implements ZoneLookups, PublicationListener {
  #index: ZoneIndex = new PortableZoneIndex(0, []);
  #prepared = new Map<number, PreparedLayer>();
  readonly source: ZoneLookups['source'] = { shape: (layer, id) => this.#index.shape(layer, id) };

  async prepare({ prepare, layer }: PrepareLayer): Promise<void> {
    const steps = prepareLayer(layer);
    let deadline = performance.now() + SLICE_MS;
    for (;;) {
      const step = steps.next();
      if (step.done === true) {
        this.#prepared.set(prepare, step.value);
        return;
      }
      if (performance.now() < deadline) continue;
      await nextTurn();
      deadline = performance.now() + SLICE_MS;
    }
  }

  publish({ publish, layers }: PublishLayers): void {
    this.#prepared = new Map(layers.map((number) => [number, this.#prepared.get(number) as PreparedLayer]));
    this.#index = new PortableZoneIndex(publish, [...this.#prepared.values()]);
  }

  at(lat: number, lon: number): ReturnType<ZoneLookups['at']> {
    const index = this.#index;
    return { version: index.version, zones: index.lookup(lat, lon).map((number) => index.zone(number)) };
  }

  answer(query: ZonesAtQuery, ref: Ref, out: ReplyBuffer): number | Promise<Uint8Array> {
    const index = this.#index;
    if ('points' in query) return answerPoints(index, query.points, query.layer, ref);
    const zones = index.lookup(query.lat, query.lon, query.layer).map((number) => index.zone(number));
    const bytes = packMessage({ ...head(index, ref), zones });
    if (bytes.length > ANSWER_BYTES_MAX) throw tooLarge();
    if (bytes.length > out.bytes.length) out.bytes = bytes;
    else out.bytes.set(bytes);
    return bytes.length;
  }
}

/** All of one version, whatever is published meanwhile: an index does not change. */
async function answerPoints(
  index: ZoneIndex,
  points: Float64Array,
  layer: string | undefined,
  ref: Ref,
): Promise<Uint8Array> {
  const count = points.length / 2;
  const parts: Uint8Array[] = [packMessage({ ...head(index, ref), results: [] }).slice(0, -1)];
  parts.push(Uint8Array.of(0xdd, count >>> 24, count >>> 16, count >>> 8, count));
  let bytes = 0;
  let deadline = performance.now() + SLICE_MS;
  for (let i = 0; i < count; i++) {
    const numbers = index.lookup(points[2 * i] as number, points[2 * i + 1] as number, layer);
    const part = packMessage({ zones: numbers.map((number) => index.zone(number)) });
    parts.push(part);
    bytes += part.length;
    if (bytes > ANSWER_BYTES_MAX) throw tooLarge();
    if (performance.now() < deadline) continue;
    await nextTurn();
    deadline = performance.now() + SLICE_MS;
  }
  return Buffer.concat(parts);
}

function head(index: ZoneIndex, ref: Ref): object {
  return { ...(ref === undefined ? {} : { ref }), version: index.version };
}

function tooLarge(): RazielError {
  return new RazielError('TOO_LARGE', `the answer must take at most ${ANSWER_BYTES_MAX} bytes; ask for fewer points`);
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
