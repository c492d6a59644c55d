// Changing and reading layers over HTTP: the body of an upload goes to the zones thread as it arrived, and its answer comes back encoded.

import { RazielError } from '../errors.ts';
import { readQueryString } from '../protocol/query-string.ts';
import type { Operation } from '../protocol/operations.ts';
import type { ZoneReply, ZoneTask } from '../zoning/messages.ts';
import { SegmentedBody } from '../zoning/segments.ts';
import type { Call } from '../tracing/call.ts';
import type { ZoneTasks } from '../zoning/tasks.ts';
import { shortOfMemory } from '../overload/memory-guard.ts';
import { type BodyBounds, BodyClock } from './http-body.ts';
import type { Exchange } from './http-response.ts';
import type { HttpResponse } from './uws.ts';

const UPLOAD_TYPES: ReadonlySet<string> = new Set(['', 'application/json', 'application/geo+json']);
const ID_PROPERTY_LENGTH_MAX = 256;

/** What a request about layers says beside its body. */
export interface ZonesHead {
  /** As it stands in the path. */
  readonly layer: string;
  readonly query: string;
  readonly contentType: string;
  readonly contentEncoding: string;
  /** NaN or 0 when the request names none. */
  readonly contentLength: number;
  /** Empty when the request names none. */
  readonly ifMatch: string;
}

/** Has the task done and sends its answer. */
export async function answerZones(zones: ZoneTasks, exchange: Exchange, task: ZoneTask, caller: Call): Promise<void> {
  sendReply(exchange, await zones.run(task, exchange.encoding, caller));
}

/** The task of a request without a body. */
export function zonesTask(operation: Operation, head: ZonesHead): ZoneTask {
  if (operation.name === 'zonesList') return { kind: 'list' };
  const layer = readLayer(head.layer);
  if (operation.name === 'zonesGet') return { kind: 'get', layer };
  return { kind: 'delete', layer, ifMatch: head.ifMatch === '' ? undefined : head.ifMatch };
}

/**
 * Reads the body of an upload and has it taken. What is sent of a body that is refused is taken off the wire and dropped, so that the client
 * gets to read the answer.
 * @param run has the task done and sends its answer
 * @param done called with the answer on its way, or what refuses the request
 * @throws RazielError for what the head alone refuses
 */
export function receiveUpload(
  context: BodyBounds & { readonly zones: ZoneTasks },
  res: HttpResponse,
  exchange: Exchange,
  operation: Operation,
  head: ZonesHead,
  run: (task: ZoneTask) => Promise<void>,
  done: (answer: Promise<void>) => void,
): { readonly aborted: () => void } {
  const options = readUpload(operation, head);
  const { zones, bodies } = context;
  const { bodyBytesMax } = zones;
  if (head.contentLength > bodyBytesMax) throw tooLarge(bodyBytesMax);
  const body = new SegmentedBody();
  let isOver = false;
  const end = (answer: Promise<void>): void => {
    isOver = true;
    const bytes = body.length;
    clock.stop();
    done(
      answer.finally(() => {
        zones.release(bytes);
        bodies.give(bytes);
      }),
    );
  };
  const refuse = (error: RazielError): void => {
    end(failing(error));
    body.segments.length = 0;
  };
  const clock = new BodyClock(context, (error) => {
    exchange.closing = true;
    refuse(error);
  });
  res.onData((chunk, isLast) => {
    if (isOver) return;
    clock.heard(chunk.byteLength);
    if (body.length + chunk.byteLength > bodyBytesMax) {
      refuse(tooLarge(bodyBytesMax));
      return;
    }
    if (!zones.reserve(chunk.byteLength)) {
      refuse(new RazielError('OVERLOADED', 'too many uploads of zones are under way; try again'));
      return;
    }
    if (!bodies.take(chunk.byteLength)) {
      zones.release(chunk.byteLength);
      refuse(shortOfMemory());
      return;
    }
    body.add(new Uint8Array(chunk));
    if (isLast) end(run({ ...options, body }));
  });
  return {
    aborted() {
      if (isOver) return;
      isOver = true;
      clock.stop();
      zones.release(body.length);
      bodies.give(body.length);
      body.segments.length = 0;
    },
  };
}

async function failing(error: RazielError): Promise<never> {
  throw error;
}

function readUpload(operation: Operation, head: ZonesHead): Omit<ZoneTask & { kind: 'put' }, 'body'> {
  const [mediaType = '', ...parameters] = head.contentType.toLowerCase().split(';');
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  if (!UPLOAD_TYPES.has(mediaType.trim()) || (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset))) {
    const got = JSON.stringify(head.contentType.slice(0, 64));
    throw new RazielError('UNSUPPORTED_TYPE', `zones are GeoJSON (application/geo+json) in UTF-8, got ${got}`);
  }
  if (head.contentEncoding !== '' && head.contentEncoding !== 'identity') {
    const got = head.contentEncoding.slice(0, 32);
    throw new RazielError('UNSUPPORTED_TYPE', `a body here is not compressed, got content encoding ${got}`);
  }
  const queried = operation.parameters.filter((parameter) => parameter.place === 'query');
  const { dryRun, repair, idProperty } = readQueryString(head.query, queried);
  if (typeof idProperty === 'string' && (idProperty === '' || idProperty.length > ID_PROPERTY_LENGTH_MAX)) {
    throw new RazielError('BAD_REQUEST', `idProperty must have 1 to ${ID_PROPERTY_LENGTH_MAX} characters`, {
      field: 'idProperty',
    });
  }
  return {
    kind: 'put',
    layer: readLayer(head.layer),
    dryRun: dryRun === true,
    repair: repair === true,
    idProperty: idProperty as string | undefined,
    ifMatch: head.ifMatch === '' ? undefined : head.ifMatch,
  };
}

function sendReply(exchange: Exchange, { bytes, contentType, etag }: ZoneReply): void {
  exchange.send(200, contentType, bytes, etag === undefined ? [] : [['etag', etag]]);
}

function readLayer(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new RazielError('BAD_LAYER', 'the layer in the path is not percent-encoded UTF-8', { field: 'layer' });
  }
}

function tooLarge(bytesMax: number): RazielError {
  return new RazielError('TOO_LARGE', `an upload of zones has at most ${bytesMax} bytes, got more`);
}
