// What a server holds, as its clients see it: to compare one run of it with another.

import type { BootedServer } from './booted-server.ts';

export interface ServerState {
  /** By id, without its age. */
  readonly drivers: ReadonlyMap<string, string>;
  /** The layers with their versions, and each as GeoJSON. */
  readonly zones: readonly unknown[];
}

/** Up to 10,000 drivers, anywhere. */
export async function stateOf({ url }: BootedServer): Promise<ServerState> {
  const json = async (path: string, body?: object): Promise<unknown> => {
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(url + path, body === undefined ? {} : post);
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return response.json();
  };
  const within = { within: { bbox: [-180, -90, 180, 90] }, limit: 10_000 };
  const { drivers } = (await json('/v1/search', within)) as { drivers: { id: string }[] };
  const { layers } = (await json('/v1/zones')) as { layers: { layer: string }[] };
  const features = await Promise.all(layers.map(({ layer }) => json(`/v1/zones/${layer}`)));
  return {
    drivers: new Map(drivers.map((driver) => [driver.id, JSON.stringify({ ...driver, age: 0 })])),
    zones: [layers, ...features],
  };
}

/** A fleet in all corners of the world, two layers of zones: all of it on disk when this resolves. */
export async function fillServer({ url }: BootedServer, drivers: number): Promise<void> {
  const send = async (method: string, path: string, body: object): Promise<void> => {
    const type = method === 'PUT' ? 'application/geo+json' : 'application/json';
    const response = await fetch(url + path, { method, headers: { 'content-type': type }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  };
  for (const [i, layer] of ['city', 'suburbs'].entries()) {
    const corners = [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
      [0, 0],
    ];
    const feature = (n: number): object => ({
      type: 'Feature',
      id: `zone-${n}`,
      properties: { name: `zone ${n} of ${layer}`, note: 'n'.repeat(n) },
      geometry: { type: 'Polygon', coordinates: [corners.map(([x = 0, y = 0]) => [x + 2 * n, y + 10 * i])] },
    });
    const features = Array.from({ length: 40 }, (_, n) => feature(n));
    await send('PUT', `/v1/zones/${layer}`, { type: 'FeatureCollection', features });
  }
  for (let first = 0; first < drivers; first += 1_000) {
    const batch = Array.from({ length: Math.min(1_000, drivers - first) }, (_, i) => fixOf(first + i));
    await send('POST', '/v1/locations?ack=durable', batch);
  }
}

function fixOf(n: number): object {
  const tags = n % 3 === 0 ? { tags: ['free', 'xl'] } : {};
  return {
    id: `driver:${n}`,
    lat: ((n * 37) % 179) - 89.5,
    lon: ((n * 101) % 359) - 179.5,
    speed: n,
    ttl: 86_400,
    ...tags,
  };
}
