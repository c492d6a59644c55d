// What a token may be allowed to do. Every operation names what it needs (src/protocol/operations.ts).

export const SCOPES = ['ingest', 'search', 'dispatch', 'zones', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/**
 * What an operation asks of its caller: a scope, which `admin` has too; `token`, any token whatever its scopes; `open`, nothing.
 * ingest: locations, trackers, removing drivers. search: every read, watches, fences, ids. dispatch: claims. zones: changing them.
 */
export type Need = Scope | 'token' | 'open';

export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}
