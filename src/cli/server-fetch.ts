// Plain HTTP requests to the server that a command talks to, with its token, and by a certificate authority of one's own (--ca), which the
// platform's fetch cannot be told.

import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { credentials } from './server-url.ts';

export interface ServerRequest {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  readonly signal?: AbortSignal;
}

/** As fetch, for the method, headers, body and signal of it; the whole answer is read. */
export async function serverFetch(url: string | URL, init: ServerRequest = {}): Promise<Response> {
  const address = new URL(url);
  const { token, ca } = credentials();
  const headers = { ...init.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const request = address.protocol === 'https:' ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const sent = request(address, {
      method: init.method ?? 'GET',
      headers,
      ...(init.signal === undefined ? {} : { signal: init.signal }),
      ...(ca === undefined ? {} : { ca }),
    });
    sent.on('error', (error) => reject(named(error)));
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const status = response.statusCode ?? 502;
        const body = status === 204 || status === 304 ? null : Buffer.concat(chunks);
        const pairs = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
        resolve(new Response(body, { status, headers: pairs }));
      });
    });
    sent.end(init.body);
  });
}

/** Of several addresses of one name none answered: the error for all of them has no message of its own. */
function named(error: Error): Error {
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
  return first ?? error;
}
