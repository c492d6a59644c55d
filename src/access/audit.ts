// What is written down of a change that an operator makes: who, what, how it ended. Never the token itself.

import type { Operation } from '../protocol/operations.ts';
import type { Grant } from './grant.ts';

/** Of a target: an id or a layer, as it stands in the path. */
const TARGET_LENGTH_MAX = 512;

export interface AuditEntry {
  /** The token's name; null where no tokens are asked for, and for what the process was told by a signal. */
  readonly token: string | null;
  /** `zonesPut`, `zonesDelete`, `remove`, `tokensReload`, … */
  readonly operation: string;
  /** The layer, the driver's id, the file. */
  readonly target: string;
  /** `ok`, or the code of the error. */
  readonly outcome: string;
  /** Empty for what did not come over the network. */
  readonly remoteAddress: string;
}

export type Audit = (entry: AuditEntry) => void;

/**
 * What is to be written down once an HTTP request is answered: changes of zones, drivers that an operator removes, services that one calls.
 * Undefined for anything else.
 */
export function changeOf(
  operation: Operation,
  parameter: string,
  query: string,
  grant: Grant,
  remoteAddress: () => string,
): Omit<AuditEntry, 'outcome'> | undefined {
  const isOperators = operation.access === 'zones' || operation.access === 'admin';
  const isAdmins = grant.isAdmin && (operation.name === 'remove' || operation.name === 'call');
  if (!isOperators && !isAdmins) return undefined;
  if (/(?:^|&)dryRun=(?:1|true)(?:&|$)/.test(query)) return undefined;
  const target = parameter.slice(0, TARGET_LENGTH_MAX);
  return { token: grant.name, operation: operation.name, target, remoteAddress: remoteAddress() };
}
