// What a travel-time service speaks, over HTTP: how one request asks for the times from many places to one, and what its answer says.

import type { Origins } from '../travel-times.ts';

export interface EtaRequest {
  readonly method: 'GET' | 'POST';
  /** With the query string. */
  readonly path: string;
  /** JSON; absent for a GET. */
  readonly body?: string;
}

export interface RoutingProtocol {
  readonly name: 'osrm' | 'valhalla';
  /** @param rows of `from` that are asked for, the nearest first @param lat @param lon the pickup, where all of them go */
  request(from: Origins, rows: Int32Array, lat: number, lon: number): EtaRequest;
  /**
   * Seconds in the order of the rows, null where the service knows no way; undefined when this is no answer to such a request.
   * @param answer parsed JSON @param count how many rows were asked for
   */
  read(answer: unknown, count: number): readonly (number | null)[] | undefined;
  /** Whether the service itself says that it cannot answer this request: it is well, and others may be answered. @param answer parsed JSON */
  isRefusal(answer: unknown): boolean;
}

/** With five digits behind the point, which are a metre. */
export function degrees(value: number): string {
  return value.toFixed(5);
}
