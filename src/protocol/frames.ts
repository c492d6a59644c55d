// WebSocket frames to requests: binary ones are MessagePack, text ones JSON. A frame that cannot be parsed at all is a BrokenFrame,
// which closes the connection; anything else that is wrong is an error answer with the frame's `ref`, when it has a usable one.

import { RazielError } from '../errors.ts';
import type { Ref } from '../drivers/engine.ts';
import { packMessage, parseJson, unpackMessage } from './codec.ts';
import { isFields, isGiven } from './fields.ts';
import { isPlainMap, walkMap } from './msgpack-walk.ts';
import { OPERATIONS } from './operations.ts';
import { refusal } from './refusal.ts';
import { readRequest, type Request } from './requests.ts';

/** A `ref` that is a string has at most this many UTF-8 bytes: answers that wait to be sent hold it. */
const REF_BYTES_MAX = 128;

/** Bytes that are no MessagePack, or text that is no JSON. */
export class BrokenFrame extends Error {}

/** A frame, opened: its ref is known, its request not yet checked. */
export interface Frame {
  readonly ref: Ref;
  /** What it asks for; `other` where that is no op. */
  readonly op: Request['op'] | 'other';
  /** As it was sent; undefined when it was not. */
  readonly traceparent: unknown;
  /** Throws RazielError for what is wrong with the request. */
  read(): Request;
}

const WEBSOCKET_OPS: ReadonlySet<unknown> = new Set<unknown>(
  OPERATIONS.filter(({ webSocket }) => webSocket).map(({ name }) => name),
);
const NIL = 0xc0;
const NO_FIELDS: Record<string, unknown> = Object.freeze({});
const noBatch = (): undefined => undefined;
/** Fields that are not decoded as they come. */
const OTHER_FIELDS = [packMessage('batch'), packMessage('__proto__')];

/**
 * @throws BrokenFrame when the bytes cannot be parsed, RazielError BAD_REQUEST when they are no map or the ref is unusable, TOO_LARGE when they
 *   have more lists or members than there may be (then there is no ref to repeat).
 */
export function openFrame(bytes: Uint8Array, binary: boolean): Frame {
  return binary ? openMessagePack(bytes) : openJson(bytes);
}

function openMessagePack(bytes: Uint8Array): Frame {
  let spans: ReturnType<typeof walkMap>;
  try {
    // Most frames; decoded at once they take half the time.
    if (isPlainMap(bytes, OTHER_FIELDS)) return frameOf(unpackMessage(bytes) as Record<string, unknown>, noBatch);
    spans = walkMap(bytes);
  } catch (error) {
    if (error instanceof RazielError && error.code === 'BAD_MSGPACK') throw new BrokenFrame(error.message);
    throw error;
  }
  if (spans === undefined) throw noMap();
  const values: Record<string, unknown> = {};
  let batch: Uint8Array | undefined;
  for (const [name, span] of spans) {
    const value = bytes.subarray(span.start, span.end);
    if (name === 'batch') {
      // Its faults are those of single fixes, which the engine rejects one by one.
      if (value[0] !== NIL) batch = value;
      continue;
    }
    if (span.fault !== undefined) {
      throw new RazielError('BAD_REQUEST', `${name.slice(0, 64)}: ${span.fault}`, { field: name.slice(0, 64) });
    }
    if (name !== '__proto__') values[name] = unpackMessage(value);
  }
  return frameOf(values, () => batch);
}

function openJson(bytes: Uint8Array): Frame {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    if (error instanceof RazielError) throw error;
    throw new BrokenFrame(`this is not JSON: ${(error as Error).message}`);
  }
  if (!isFields(value)) throw noMap();
  const { batch, ...values } = value;
  return frameOf(values, () => (isGiven(batch) ? packMessage(batch) : undefined));
}

function frameOf(values: Record<string, unknown>, batchOf: () => Uint8Array | undefined): Frame {
  const { op, ref, traceparent, ...fields } = values;
  const checkedRef = readRef(ref);
  return {
    ref: checkedRef,
    op: WEBSOCKET_OPS.has(op) ? (op as Request['op']) : 'other',
    traceparent,
    read: () => readRequest(op, Object.keys(fields).length === 0 ? NO_FIELDS : fields, batchOf()),
  };
}

function readRef(ref: unknown): Ref {
  if (ref === undefined || ref === null) return undefined;
  if (typeof ref === 'number') return ref;
  if (typeof ref === 'string' && Buffer.byteLength(ref) <= REF_BYTES_MAX) return ref;
  throw refusal('BAD_REQUEST', 'ref', `must be a number or a string of at most ${REF_BYTES_MAX} bytes`, ref);
}

function noMap(): RazielError {
  return new RazielError('BAD_REQUEST', 'a frame must be a map with op');
}
