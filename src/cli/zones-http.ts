// The layers of a server over HTTP, for the commands about zones.

import { CommandFailure, EXIT_FAILURE, EXIT_UNREACHABLE } from './exit.ts';
import { serverFetch, type ServerRequest } from './server-fetch.ts';
import { httpUrl, remedyFor } from './server-url.ts';

/** What is wrong with an upload, or what was repaired, and where; counted from 0. */
export interface Fault {
  readonly code: string;
  readonly message: string;
  readonly feature?: number;
  readonly part?: number;
  readonly ring?: number;
  readonly position?: number;
}

export interface LayerSummary {
  readonly layer: string;
  readonly etag: string;
  readonly version: number;
  readonly zones: number;
  readonly vertices: number;
}

export interface PutAnswer {
  readonly layer: string;
  readonly version: number;
  readonly zones: number;
  readonly vertices: number;
  readonly buildMs?: number;
  readonly added?: readonly string[];
  readonly removed?: readonly string[];
  readonly changed?: readonly string[];
  readonly repaired?: readonly Fault[];
  readonly repairedMore?: number;
}

interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly faults?: readonly Fault[];
  readonly more?: number;
}

/** The server has said no. */
export class ZonesRefusal extends CommandFailure {
  readonly body: ErrorBody;

  constructor(body: ErrorBody) {
    super(EXIT_FAILURE, `${body.code}: ${body.message}`);
    this.body = body;
  }

  get faults(): readonly Fault[] {
    return this.body.faults ?? [];
  }

  /** Faults that are not listed. */
  get more(): number {
    return this.body.more ?? 0;
  }
}

interface PutOptions {
  readonly repair?: boolean;
  readonly dryRun?: boolean;
  readonly idProperty?: string;
  readonly ifMatch?: string;
}

export class ZonesHttp {
  readonly #url: string;

  /** @param url as `--url` takes it */
  constructor(url: string) {
    this.#url = url;
  }

  async put(layer: string, body: Buffer<ArrayBuffer>, options: PutOptions): Promise<PutAnswer> {
    const query = new URLSearchParams();
    if (options.repair === true) query.set('repair', '1');
    if (options.dryRun === true) query.set('dryRun', '1');
    if (options.idProperty !== undefined) query.set('idProperty', options.idProperty);
    const headers = { 'content-type': 'application/geo+json', ...ifMatchHeader(options.ifMatch) };
    const response = await this.#fetch(layer, query, { method: 'PUT', headers, body });
    return (await response.json()) as PutAnswer;
  }

  async get(layer: string): Promise<{ readonly text: string; readonly etag: string }> {
    const response = await this.#fetch(layer);
    return { text: await response.text(), etag: response.headers.get('etag') ?? '' };
  }

  async list(): Promise<{ readonly version: number; readonly layers: readonly LayerSummary[] }> {
    return (await (await this.#fetch(undefined)).json()) as { version: number; layers: LayerSummary[] };
  }

  async remove(
    layer: string,
    ifMatch: string | undefined,
  ): Promise<{ readonly layer: string; readonly version: number }> {
    const response = await this.#fetch(layer, undefined, { method: 'DELETE', headers: ifMatchHeader(ifMatch) });
    return (await response.json()) as { layer: string; version: number };
  }

  /** @throws ZonesRefusal for any status but 2xx, CommandFailure EXIT_UNREACHABLE when nobody answers */
  async #fetch(layer: string | undefined, query?: URLSearchParams, init: ServerRequest = {}): Promise<Response> {
    const address = new URL(httpUrl(this.#url, '/v1/zones'));
    if (layer !== undefined) address.pathname += `/${encodeURIComponent(layer)}`;
    if (query !== undefined) address.search = query.toString();
    let response: Response;
    try {
      response = await serverFetch(address, init);
    } catch (error) {
      const cause = (error as { cause?: Error }).cause ?? (error as Error);
      throw new CommandFailure(
        EXIT_UNREACHABLE,
        `cannot reach ${address.origin}: ${cause.message} (${remedyFor(cause.message)})`,
      );
    }
    if (response.ok) return response;
    const text = await response.text();
    throw new ZonesRefusal(errorOf(text) ?? { code: `HTTP ${response.status}`, message: text.slice(0, 200) });
  }
}

function errorOf(text: string): ErrorBody | undefined {
  try {
    return (JSON.parse(text) as { error?: ErrorBody }).error;
  } catch {
    return undefined;
  }
}

/** ETags are quoted; people write the number. */
function ifMatchHeader(version: string | undefined): Record<string, string> {
  if (version === undefined) return {};
  return { 'if-match': /^[\d]+$/.test(version) ? `"${version}"` : version };
}
