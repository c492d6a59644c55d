// Which operation a method and path mean.

import { RazielError } from '../errors.ts';
import { LATER_PATHS, type Operation, OPERATIONS } from '../protocol/operations.ts';

/** `{id}` and the like, at the end of a path. */
const PARAMETER = /\{\w+\}$/;

interface Path {
  readonly operations: Map<string, Operation>;
  readonly allow: string;
}

const EXACT = new Map<string, Path>();
/** By what comes before the parameter. */
const PREFIXES = new Map<string, Path>();

for (const operation of OPERATIONS) {
  if (operation.http === undefined) continue;
  const { path, method } = operation.http;
  const [table, key] = PARAMETER.test(path) ? [PREFIXES, path.replace(PARAMETER, '')] : [EXACT, path];
  const operations = table.get(key)?.operations ?? new Map<string, Operation>();
  operations.set(method, operation);
  if (method === 'GET') operations.set('HEAD', operation);
  table.set(key, { operations, allow: [...operations.keys()].join(', ') });
}

export interface Route {
  readonly operation: Operation;
  /** The last segment where the path has a parameter, as it stands in the URL. */
  readonly parameter: string;
}

export class MethodNotAllowed extends RazielError {
  readonly allow: string;

  constructor(method: string, path: string, allow: string) {
    super('METHOD_NOT_ALLOWED', `${method} is not a method of ${path}; ${allow} are`);
    this.allow = allow;
  }
}

/**
 * @param method upper case
 * @throws RazielError NOT_FOUND, NOT_SUPPORTED; MethodNotAllowed
 */
export function findRoute(method: string, path: string): Route {
  const exact = EXACT.get(path);
  if (exact?.operations.has(method)) return { operation: pick(exact, method, path), parameter: '' };
  for (const [prefix, found] of PREFIXES) {
    if (!path.startsWith(prefix)) continue;
    const parameter = path.slice(prefix.length);
    if (parameter.includes('/')) continue;
    // A method that the exact path lacks may be one of the path with a parameter: PUT /v1/zones/at names a layer, a reserved one.
    if (exact === undefined || found.operations.has(method)) return { operation: pick(found, method, path), parameter };
  }
  if (exact !== undefined) return { operation: pick(exact, method, path), parameter: '' };
  if (path === '/v1/ws') {
    throw new RazielError('BAD_REQUEST', '/v1/ws speaks WebSocket; ask for an upgrade');
  }
  if (LATER_PATHS.some((later) => (later.endsWith('/') ? path.startsWith(later) : path === later))) {
    throw new RazielError('NOT_SUPPORTED', `${path.slice(0, 64)} is not supported by this server`);
  }
  throw new RazielError('NOT_FOUND', `nothing is at ${JSON.stringify(path.slice(0, 64))}`);
}

function pick(path: Path, method: string, name: string): Operation {
  const operation = path.operations.get(method);
  if (operation === undefined) throw new MethodNotAllowed(method.slice(0, 16), name.slice(0, 64), path.allow);
  return operation;
}
