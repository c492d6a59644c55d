// What serving threads and the supply thread tell each other, over one MessagePort for each serving thread.

import type { Ref } from '../drivers/engine.ts';
import type { ErrorCode } from '../errors.ts';
import type { Encoding } from '../protocol/codec.ts';
import type { SupplyQuery } from '../protocol/requests.ts';

export interface SupplyJob {
  /** Unique among the jobs of its port. */
  readonly job: number;
  readonly query: SupplyQuery;
  readonly ref: Ref;
  readonly encoding: Encoding;
}

export type SupplyDone =
  | { readonly job: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly job: number; readonly code: ErrorCode; readonly message: string };
