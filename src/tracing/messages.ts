// What serving threads and the tracing thread tell each other, over one MessagePort for each serving thread: first what endpoints there are,
// then questions, each answered with an encoded answer or an error.

import type { ErrorCode } from '../errors.ts';
import type { Ref } from '../drivers/engine.ts';
import type { CountedOp } from '../metrics/counters.ts';
import type { Encoding } from '../protocol/codec.ts';
import type { TraceFilter } from './store.ts';

export interface EndpointInfo {
  readonly name: string;
  readonly summary: string;
  /** It can be called from outside. */
  readonly isCallable: boolean;
  readonly countedAs: readonly CountedOp[];
}

export type TraceQuestion =
  | { readonly kind: 'traces'; readonly filter: TraceFilter }
  | { readonly kind: 'trace'; readonly traceId: string }
  | { readonly kind: 'services' };

export interface TraceJob {
  /** Unique among the jobs of its port. */
  readonly job: number;
  readonly question: TraceQuestion;
  readonly ref: Ref;
  readonly encoding: Encoding;
}

export type ToTracingThread = { readonly endpoints: readonly EndpointInfo[] } | TraceJob;

export type FromTracingThread =
  | { readonly job: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly job: number; readonly code: ErrorCode; readonly message: string; readonly field?: string };
