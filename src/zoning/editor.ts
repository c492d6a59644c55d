// Does the jobs of the zones thread on the store, and tells of them: answers encoded, stages logged and counted.

import type { Logger } from 'pino';
import { RazielError } from '../errors.ts';
import type { ZoneMeters } from '../metrics/zone-meters.ts';
import { type Encoding, packMessage } from '../protocol/codec.ts';
import type { ZoneStore } from '../zones/store.ts';
import type { ZoneDone, ZoneJob, ZoneReply, ZoneTask } from './messages.ts';
import { joinSegments } from './segments.ts';

const CONTENT_TYPES: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  msgpack: 'application/msgpack',
};
const GEOJSON_TYPE = 'application/geo+json';

type PutTask = Extract<ZoneTask, { kind: 'put' }>;
type Reply = Omit<ZoneReply, 'bytes'> & { readonly bytes: Uint8Array };

export class ZoneEditor {
  readonly #store: ZoneStore;
  readonly #meters: ZoneMeters;
  readonly #log: Logger;

  constructor(store: ZoneStore, meters: ZoneMeters, log: Logger) {
    this.#store = store;
    this.#meters = meters;
    this.#log = log;
  }

  /** Never rejects: what goes wrong is an answer too. */
  async run({ job, task, encoding }: ZoneJob): Promise<ZoneDone> {
    try {
      const reply = await this.#reply(task, encoding);
      // A copy that is nothing but the answer, so that it can be handed over rather than cloned.
      return { job, reply: { ...reply, bytes: new Uint8Array(reply.bytes) } };
    } catch (error) {
      if (error instanceof RazielError) return { job, code: error.code, body: error.toBody() };
      this.#log.error(error);
      return { job, code: 'INTERNAL', body: { code: 'INTERNAL', message: 'internal error' } };
    }
  }

  async #reply(task: ZoneTask, encoding: Encoding): Promise<Reply> {
    switch (task.kind) {
      case 'put':
        return this.#put(task, encoding);
      case 'delete': {
        const { version } = await this.#store.remove(task.layer, task.ifMatch);
        this.#log.info(`zones: layer ${task.layer} removed, version ${version}`);
        this.noteLayers();
        return encoded({ layer: task.layer, version }, encoding);
      }
      case 'get': {
        const { geojson, etag } = this.#store.get(task.layer);
        return { bytes: Buffer.from(geojson), contentType: GEOJSON_TYPE, etag };
      }
      case 'list':
        return encoded({ version: this.#store.version, layers: this.#store.list() }, encoding);
    }
  }

  async #put({ layer, body, ...task }: PutTask, encoding: Encoding): Promise<Reply> {
    const { dryRun, repair, idProperty, ifMatch } = task;
    const upload = `zones: upload of layer ${JSON.stringify(layer.slice(0, 80))}`;
    this.#log.info(`${upload}: ${body.length} bytes${dryRun ? ', a dry run' : ''}`);
    this.#meters.begin();
    try {
      const result = await this.#store.put(layer, joinSegments(body), {
        dryRun,
        repair,
        ...(idProperty === undefined ? {} : { idProperty }),
        ...(ifMatch === undefined ? {} : { ifMatch }),
        onStage: (stage, milliseconds) => {
          this.#meters.stage(stage, milliseconds / 1000);
          this.#log.info(`${upload}: ${stage} done in ${milliseconds.toFixed(1)} ms`);
        },
      });
      this.#meters.end(dryRun ? 'dryRun' : 'published');
      if (dryRun) return encoded(result, encoding);
      this.#log.info(`${upload}: version ${result.version} with ${result.zones} zones, ${result.vertices} vertices`);
      this.noteLayers();
      return { ...encoded(result, encoding), etag: `"${result.version}"` };
    } catch (error) {
      const code = error instanceof RazielError ? error.code : 'INTERNAL';
      this.#meters.end(code === 'VERSION_CONFLICT' ? 'conflict' : code === 'INTERNAL' ? 'failed' : 'refused');
      this.#log.info(`${upload}: ${code}: ${(error as Error).message}`);
      throw error;
    }
  }

  /** Counts what there is for /metrics. */
  noteLayers(): void {
    const layers = this.#store.list();
    const sum = (of: 'zones' | 'vertices'): number => layers.reduce((total, layer) => total + layer[of], 0);
    this.#meters.layers(this.#store.version, layers.length, sum('zones'), sum('vertices'));
  }
}

function encoded(value: object, encoding: Encoding): Reply {
  const bytes = encoding === 'msgpack' ? packMessage(value) : Buffer.from(JSON.stringify(value));
  return { bytes, contentType: CONTENT_TYPES[encoding] };
}
