// A travel-time service to test against: a real HTTP server that speaks OSRM's `table` or Valhalla's `sources_to_targets` as they do, strict
// in what it takes, with times by a rule of the test's own. It can be told to misbehave, and be stopped and started again on its port.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Place {
  readonly lat: number;
  readonly lon: number;
}

/** Seconds from one place to another; null where there is no way. */
export type Rule = (from: Place, to: Place) => number | null;

type Behaviour =
  | 'well'
  /** Takes requests and answers them when it is released. */
  | 'held'
  /** Answers after SLOW_MS. */
  | 'slow'
  /** Answers 200 with what is no answer. */
  | 'garbage'
  /** Answers 200 with an answer for one driver too few. */
  | 'short'
  /** Answers 200 with JSON that does not end. */
  | 'endless'
  | 'status 500'
  /** Ends the connection in the middle of the answer. */
  | 'cut'
  /** Says that it cannot answer this request. */
  | 'refusing';

const SLOW_MS = 3_000;

export interface TravelTimeService {
  /** For `--eta`. */
  readonly flag: string;
  behaviour: Behaviour;
  rule: Rule;
  /** Requests that it has taken. */
  readonly requests: number;
  /** Connections opened to it since it started. */
  readonly connections: number;
  /** Requests that wait to be released. */
  readonly held: number;
  /** What broke its protocol. */
  readonly faults: readonly string[];
  /** Resolves when so many requests are held. */
  untilHeld(count: number): Promise<void>;
  release(): void;
  stop(): Promise<void>;
  /** Unless it is started. */
  start(): Promise<void>;
}

/** @param tls a certificate for localhost and its key, PEM, to speak TLS */
export async function startTravelTimes(
  kind: 'osrm' | 'valhalla',
  rule: Rule,
  tls?: { readonly cert: string; readonly key: string },
): Promise<TravelTimeService> {
  const faults: string[] = [];
  let held: (() => void)[] = [];
  let wake: (() => void)[] = [];
  let requests = 0;
  let connections = 0;
  let server: Server | undefined;
  let port = 0;
  const protocol = kind === 'osrm' ? OSRM : VALHALLA;

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests++;
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const asked = protocol.read(request, body);
    if (typeof asked === 'string') {
      faults.push(asked);
      send(response, 400, protocol.refusal);
      return;
    }
    const { from, to } = asked;
    const answer = (): void => send(response, 200, protocol.answer(from.map((place) => service.rule(place, to))));
    switch (service.behaviour) {
      case 'well':
        return answer();
      case 'held':
        held.push(answer);
        for (const notify of wake.splice(0)) notify();
        return;
      case 'slow':
        setTimeout(answer, SLOW_MS);
        return;
      case 'garbage':
        return send(response, 200, '<html>404</html>');
      case 'short':
        return send(response, 200, protocol.answer(from.slice(1).map(() => 1)));
      case 'endless':
        return endless(response);
      case 'status 500':
        return send(response, 500, '{"code":"Ok"}');
      case 'cut':
        response.writeHead(200, { 'content-length': 1_000 });
        response.write('{"code":"Ok","dur', () => response.destroy());
        return;
      case 'refusing':
        return send(response, 400, protocol.refusal);
    }
  };

  const service: TravelTimeService = {
    get flag() {
      return `${kind}:${tls === undefined ? 'http' : 'https'}://localhost:${port}`;
    },
    behaviour: 'well',
    rule,
    get requests() {
      return requests;
    },
    get connections() {
      return connections;
    },
    get held() {
      return held.length;
    },
    faults,
    async untilHeld(count) {
      while (held.length < count) await new Promise<void>((resolve) => wake.push(resolve));
    },
    release() {
      for (const answer of held.splice(0)) answer();
    },
    async stop() {
      held = [];
      wake = [];
      const stopped = server;
      server = undefined;
      if (stopped === undefined) return;
      stopped.closeAllConnections();
      await new Promise((resolve) => stopped.close(resolve));
    },
    async start() {
      if (server !== undefined) return;
      const listener = (request: IncomingMessage, response: ServerResponse): void => {
        take(request, response).catch((error: unknown) => faults.push(String(error)));
      };
      server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
      server.on('connection', () => connections++);
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      port = (server.address() as AddressInfo).port;
    },
  };
  await service.start();
  return service;
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}

function endless(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write(' '.repeat(16_384)));
  };
  response.on('drain', more);
  response.write('{');
  more();
}

interface Protocol {
  /** What is asked, or what is wrong with it. */
  read(request: IncomingMessage, body: string): { readonly from: Place[]; readonly to: Place } | string;
  answer(seconds: (number | null)[]): string;
  readonly refusal: string;
}

const OSRM: Protocol = {
  read({ method, url = '' }) {
    const match = /^\/table\/v1\/driving\/([-\d.,;]+)\?(.*)$/.exec(url);
    if (method !== 'GET' || match === null) return `${method} ${url}`;
    const places = (match[1] as string).split(';').map((text) => {
      const [lon, lat, ...rest] = text.split(',').map(Number);
      return { lat: rest.length > 0 ? Number.NaN : Number(lat), lon: Number(lon) };
    });
    const options = new URLSearchParams(match[2]);
    if (options.get('annotations') !== 'duration') return `annotations in ${url}`;
    const indices = (name: string): number[] => (options.get(name) ?? '').split(';').map(Number);
    const [destination, ...others] = indices('destinations');
    const to = places[destination ?? -1];
    const from = indices('sources').map((index) => places[index]);
    if (to === undefined || others.length > 0) return `destinations in ${url}`;
    if (from.length !== places.length - 1 || from.includes(undefined) || from.includes(to)) return `sources in ${url}`;
    if (![...places].every(isPlace)) return `coordinates in ${url}`;
    return { from: from as Place[], to };
  },
  answer(seconds) {
    const waypoint = { hint: '', distance: 3.2, name: 'Mission Street', location: [-122.4, 37.7] };
    return JSON.stringify({
      code: 'Ok',
      durations: seconds.map((time) => [time]),
      sources: seconds.map(() => waypoint),
      destinations: [waypoint],
    });
  },
  refusal: '{"code":"NoSegment","message":"Could not find a matching segment for coordinate 0"}',
};

const VALHALLA: Protocol = {
  read({ method, url, headers }, body) {
    if (method !== 'POST' || url !== '/sources_to_targets') return `${method} ${url}`;
    if (headers['content-type'] !== 'application/json') return `content type ${headers['content-type']}`;
    const { sources, targets, costing } = JSON.parse(body) as { sources: Place[]; targets: Place[]; costing: string };
    const [to, ...others] = targets;
    if (costing !== 'auto' || to === undefined || others.length > 0) return body;
    return [to, ...sources].every(isPlace) ? { from: sources, to } : body;
  },
  answer(seconds) {
    const rows = seconds.map((time, index) => [{ distance: time, time, from_index: index, to_index: 0 }]);
    return JSON.stringify({ sources_to_targets: rows, units: 'kilometers' });
  },
  refusal: '{"error_code":171,"error":"No suitable edges near location","status_code":400,"status":"Bad Request"}',
};

function isPlace({ lat, lon }: Place): boolean {
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180;
}
