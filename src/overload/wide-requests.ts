// Requests whose answers are large, or are put together in memory of their own: what a server that is short of memory refuses first.

import type { Request } from '../protocol/requests.ts';

export function isWide(request: Request): boolean {
  const { op } = request;
  return op === 'within' || op === 'multisearch' || op === 'supply' || (op === 'zonesAt' && 'points' in request.query);
}
