// How a request comes in over HTTP: where it says it comes from, which operation it means, and whether its token may ask for that.

import type { Caller, Gate } from '../access/gate.ts';
import type { Grant } from '../access/grant.ts';
import { foreignId } from '../access/refusals.ts';
import { RazielError } from '../errors.ts';
import { readId } from '../protocol/fields.ts';
import type { Operation } from '../protocol/operations.ts';
import type { Exchange } from './http-response.ts';
import { findRoute, type Route } from './routes.ts';
import type { HttpRequest } from './uws.ts';

/** What a request says of its caller. */
export function readCaller(req: HttpRequest): Caller {
  return {
    host: req.getHeader('host'),
    origin: req.getHeader('origin'),
    fetchSite: req.getHeader('sec-fetch-site'),
    authorization: req.getHeader('authorization'),
  };
}

/** The route of a request that may come from where it comes. Who shows no token does not learn either which paths there are. */
export function enter(gate: Gate, exchange: Exchange, caller: Caller, method: string, path: string): Route {
  let route: Route;
  try {
    route = findRoute(method, path);
  } catch (error) {
    exchange.headers = gate.screen(caller, 'token');
    gate.admit(caller, 'token');
    throw error;
  }
  exchange.headers = gate.screen(caller, route.operation.access);
  return route;
}

/** Asks the token for what the scope does not tell: how often, and which driver. @throws Refusal */
export function askGrant(grant: Grant, exchange: Exchange, operation: Operation, parameter: string): void {
  if (operation.http?.from === 'body') {
    grant.refuseWhenSpent();
    exchange.grant = grant;
    return;
  }
  if (operation.name === 'remove') {
    const id = readPathId(parameter);
    if (!grant.mayTouch(id)) throw foreignId(id);
  }
  if (operation.access !== 'open') grant.spend(1);
}

/** An id as it stands in a path. @throws RazielError BAD_ID */
export function readPathId(encoded: string): string {
  try {
    return readId(decodeURIComponent(encoded));
  } catch (error) {
    if (error instanceof RazielError) throw error;
    throw new RazielError('BAD_ID', 'the id in the path is not percent-encoded UTF-8', { field: 'id' });
  }
}
