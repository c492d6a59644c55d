// The load of the soak: rounds of a tenth of a second, in each of which some of everything happens. Far from what the server can take: what is
// looked for grows with what came and went, not with speed.

import { pack, Unpackr } from 'msgpackr';
import { WebSocket } from 'ws';
import { seededRandom } from '#dist/demo/random.js';
import { sleep } from '../lib/sleep.ts';

const ROUND_MS = 100;
const FIXES_PER_ROUND = 400;
const SEARCHES_PER_ROUND = 30;
/** Drivers that are there at a time, about; new ids all the time. */
const FLEET = 4_000;
const IDS_PER_ROUND = 100;
const CONNECTIONS = 12;
const TTL_SECONDS = 3;

const unpackr = new Unpackr({ useRecords: false });

export class Load {
  readonly #url: string;
  readonly #port: number;
  readonly #random: () => number;
  #sockets: WebSocket[] = [];
  #round = 0;
  #fixes = 0;
  #searches = 0;
  #connections = 0;
  #swaps = 0;
  #refused = 0;

  constructor(url: string, port: number, seed: number) {
    this.#url = url;
    this.#port = port;
    this.#random = seededRandom(seed);
  }

  summary(): string {
    return `${this.#fixes} fixes, ${this.#searches} searches, ${this.#connections} connections, ${this.#swaps} layers, ${this.#refused} refused`;
  }

  async run(isOver: () => boolean): Promise<void> {
    const main = await this.#connect();
    while (!isOver()) {
      this.#round++;
      const next = sleep(ROUND_MS);
      await this.#ask(main, { op: 'locations', batch: this.#batch() });
      this.#fixes += FIXES_PER_ROUND;
      for (let i = 0; i < SEARCHES_PER_ROUND; i++) await this.#search(main, i);
      await this.#turnOverConnections();
      if (this.#round % 5 === 0) await this.#overHttp();
      if (this.#round % 20 === 0) await this.#swapZones();
      await next;
    }
    for (const socket of [main, ...this.#sockets]) socket.terminate();
  }

  #between(from: number, to: number): number {
    return from + this.#random() * (to - from);
  }

  /** Ids and tags of a window that moves on with each round. */
  #batch(): unknown[] {
    const newest = this.#round * IDS_PER_ROUND;
    return Array.from({ length: FIXES_PER_ROUND }, () => {
      const id = `soak:${Math.max(0, newest - Math.floor(this.#random() * FLEET))}`;
      const tags = ['free', `job ${Math.floor(this.#round / 10 + this.#random() * 20)}`];
      return [id, this.#between(37, 38), this.#between(-123, -122), null, 10, 5, null, tags, TTL_SECONDS];
    });
  }

  async #search(socket: WebSocket, i: number): Promise<void> {
    const [lat, lon] = [this.#between(37, 38), this.#between(-123, -122)];
    const search = { nearest: { lat, lon, k: 10 } };
    const requests: object[] = [
      { op: 'nearest', lat, lon, k: 20, radius: 20_000, tags: ['free'] },
      { op: 'within', bbox: [lon - 0.1, lat - 0.1, lon + 0.1, lat + 0.1] },
      { op: 'multisearch', searches: [search, search] },
      { op: 'zonesAt', lat, lon },
      { op: 'driver', id: `soak:${this.#round * IDS_PER_ROUND - i}` },
      { op: 'remove', id: `soak:${this.#round * IDS_PER_ROUND - 10 * i}` },
      { op: 'nearest', lat: 91, lon },
      { op: 'ids', n: 5 },
    ];
    await this.#ask(socket, requests[i % requests.length] as object, i % 3 === 0);
    this.#searches++;
  }

  /** Some connect, some leave: in order, at once, or with answers that they never read. */
  async #turnOverConnections(): Promise<void> {
    const socket = await this.#connect();
    this.#sockets.push(socket);
    if (this.#round % 7 === 0) {
      socket.pause();
      for (let i = 0; i < 20; i++) socket.send(pack({ op: 'within', bbox: [-123, 37, -122, 38], limit: 2_000 }));
    } else {
      await this.#ask(socket, { op: 'ping' }, true);
    }
    while (this.#sockets.length > CONNECTIONS) {
      const gone = this.#sockets.shift();
      if (this.#round % 2 === 0) gone?.terminate();
      else gone?.close();
      setTimeout(() => gone?.terminate(), 2_000);
    }
  }

  async #overHttp(): Promise<void> {
    const body = JSON.stringify(this.#batch());
    const headers = { 'content-type': 'application/json' };
    const answers = await Promise.all([
      fetch(`${this.#url}/v1/locations`, { method: 'POST', headers, body }),
      fetch(`${this.#url}/v1/nearest?lat=37.5&lon=-122.5&k=50`),
      fetch(`${this.#url}/v1/supply?resolution=6`),
      fetch(`${this.#url}/metrics`),
      fetch(`${this.#url}/nothing/here`),
    ]);
    this.#fixes += FIXES_PER_ROUND;
    for (const answer of answers) await answer.arrayBuffer();
  }

  /** A layer of another shape each time; now and then layers go, and bad ones are refused. */
  async #swapZones(): Promise<void> {
    const name = `layer-${this.#swaps % 4}`;
    const features = Array.from({ length: 150 }, (_, i) => {
      const [x, y] = [this.#between(-123, -122), this.#between(37, 38)];
      const ring = Array.from({ length: 24 }, (__, n) => {
        const angle = (2 * Math.PI * n) / 24;
        return [x + 0.05 * Math.cos(angle), y + 0.05 * Math.sin(angle)];
      });
      const geometry = { type: 'Polygon', coordinates: [[...ring, ring[0]]] };
      return { type: 'Feature', id: `${this.#swaps} ${i}`, properties: { name: `zone ${i}` }, geometry };
    });
    const headers = { 'content-type': 'application/geo+json' };
    const body = JSON.stringify({ type: 'FeatureCollection', features });
    await (await fetch(`${this.#url}/v1/zones/${name}`, { method: 'PUT', headers, body })).arrayBuffer();
    await (await fetch(`${this.#url}/v1/zones/${name}`, { method: 'PUT', headers, body: body.slice(5) })).arrayBuffer();
    if (this.#swaps % 5 === 4) {
      await (await fetch(`${this.#url}/v1/zones/${name}`, { method: 'DELETE' })).arrayBuffer();
    }
    this.#swaps++;
  }

  async #connect(): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#port}/v1/ws`);
    socket.on('error', () => {});
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('close', () => reject(new Error('a connection was refused')));
    });
    this.#connections++;
    return socket;
  }

  async #ask(socket: WebSocket, request: object, isJson = false): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => {
      const onClose = (code: number): void => reject(new Error(`closed with ${code}`));
      socket.once('close', onClose);
      socket.once('message', (data: Buffer, isBinary: boolean) => {
        socket.off('close', onClose);
        const answer = (isBinary ? unpackr.unpack(data) : JSON.parse(data.toString())) as { error?: object };
        if (answer.error !== undefined) this.#refused++;
        resolve();
      });
    });
    socket.send(isJson ? JSON.stringify(request) : pack(request));
    await answered;
  }
}
