// Changing and reading layers as endpoints: `zoning.put`, `zoning.delete`, `zoning.get` and `zoning.list`. The zones thread does the work.

import type { Encoding } from '../protocol/codec.ts';
import type { Endpoint } from '../services/endpoint.ts';
import type { Services } from '../services/services.ts';
import type { Call } from '../tracing/call.ts';
import type { ZoneReply, ZoneTask } from './messages.ts';
import type { RemoteZones } from './remote.ts';

const SUMMARIES: Readonly<Record<ZoneTask['kind'], string>> = {
  put: 'Replaces a layer of zones.',
  delete: 'Removes a layer of zones.',
  get: 'A layer of zones as GeoJSON.',
  list: 'The layers of zones.',
};

export class ZoneTasks {
  /** Of an upload's body. */
  readonly bodyBytesMax: number;
  readonly #remote: RemoteZones;
  readonly #endpoints: Readonly<Record<ZoneTask['kind'], Endpoint<ZoneTask, Promise<ZoneReply>>>>;

  constructor(remote: RemoteZones, services: Services) {
    this.#remote = remote;
    this.bodyBytesMax = remote.bodyBytesMax;
    const register = (kind: ZoneTask['kind']): Endpoint<ZoneTask, Promise<ZoneReply>> =>
      services.register({
        name: `zoning.${kind}`,
        summary: SUMMARIES[kind],
        handle: (task, _call, _ref, encoding) => remote.run(task, encoding),
      });
    this.#endpoints = {
      put: register('put'),
      delete: register('delete'),
      get: register('get'),
      list: register('list'),
    };
  }

  /** As RemoteZones.run. */
  run(task: ZoneTask, encoding: Encoding, caller: Call): Promise<ZoneReply> {
    return this.#endpoints[task.kind].run(task, caller, undefined, encoding);
  }

  /** As RemoteZones.reserve. */
  reserve(bytes: number): boolean {
    return this.#remote.reserve(bytes);
  }

  release(bytes: number): void {
    this.#remote.release(bytes);
  }
}
