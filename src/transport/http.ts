// HTTP: from a request line to an operation and back. Bodies are JSON, MessagePack or (fixes) NDJSON; answers are JSON, or
// MessagePack for those who accept it.

import { type Audit, type AuditEntry, changeOf } from '../access/audit.ts';
import type { Gate } from '../access/gate.ts';
import { RazielError } from '../errors.ts';
import type { BatchResult } from '../drivers/engine.ts';
import type { CountedOp, Counters } from '../metrics/counters.ts';
import { type FixBatch, readJson, readJsonFixes, readMessagePackFixes, readNdjsonFixes } from '../protocol/bodies.ts';
import { type Encoding, unpackMessage } from '../protocol/codec.ts';
import { isFields, readWord, refuseUnknown } from '../protocol/fields.ts';
import { checkMessage } from '../protocol/msgpack-walk.ts';
import { type Kept, type MemoryRoom, shortOfMemory, SMALL_BYTES } from '../overload/memory-guard.ts';
import { outlineOf, type SlowLog } from '../overload/slow-log.ts';
import { isWide } from '../overload/wide-requests.ts';
import { openApiDocument } from '../protocol/openapi.ts';
import type { Operation } from '../protocol/operations.ts';
import { PARAMETERS } from '../protocol/parameters.ts';
import { readQueryString } from '../protocol/query-string.ts';
import { readIds, readSupply, type Request } from '../protocol/requests.ts';
import { readZonesAt } from '../protocol/zones-at.ts';
import { readNearest, readSearch, readSearches } from '../protocol/searches.ts';
import { notDurable, readiness } from '../service/durability.ts';
import type { OwnRequest } from '../service/endpoints.ts';
import type { Service } from '../service/service.ts';
import type { StorageMeters } from '../metrics/storage-meters.ts';
import type { DurableCommits } from '../storage/durable-commits.ts';
import type { Call } from '../tracing/call.ts';
import type { ZoneTask } from '../zoning/messages.ts';
import type { ZoneTasks } from '../zoning/tasks.ts';
import { encodeAnswer, withTraceId } from './answers.ts';
import { type BodyBounds, readBody } from './http-body.ts';
import { answerBackup } from './http-backup.ts';
import { asRazielError, Exchange } from './http-response.ts';
import { askGrant, enter, readCaller, readPathId } from './http-entry.ts';
import { answerZones, receiveUpload, type ZonesHead, zonesTask } from './http-zones.ts';
import type { RequestTraces } from './request-traces.ts';
import { MethodNotAllowed } from './routes.ts';
import type { Turns } from './turns.ts';
import { type HttpRequest, type HttpResponse, remoteAddressOf } from './uws.ts';

export interface HttpContext extends BodyBounds {
  /** Lets requests in. */
  readonly gate: Gate;
  readonly audit: Audit;
  readonly service: Service;
  readonly counters: Counters;
  readonly httpTraces: RequestTraces;
  readonly bodyBytesMax: number;
  /** Where layers are changed and read. */
  readonly zones: ZoneTasks;
  /** True once the server shuts down. */
  readonly isDraining: () => boolean;
  /** True when requests may come: every serving thread listens, and what was stored is loaded. */
  readonly isReady: () => boolean;
  /** Prometheus' text format and its content type. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly turns: Turns;
  readonly memory: MemoryRoom;
  readonly slow: SlowLog;
  readonly unsent: Kept;
  /** Where `ack=durable` waits; undefined for a server that keeps nothing. */
  readonly durable: DurableCommits | undefined;
  readonly storageMeters: StorageMeters;
  /** Told of errors that are the server's own. */
  readonly report: (error: unknown) => void;
}

/** What is answered while the server loads what was stored. */
const ANSWERED_EARLY: ReadonlySet<string> = new Set(['healthz', 'readyz', 'metrics', 'openapi']);

/** Operations whose answers say their `traceId`. */
const SEARCHES: ReadonlySet<Request['op']> = new Set(['nearest', 'within', 'multisearch']);

type BodyType = 'json' | 'msgpack' | 'ndjson';

const BODY_TYPES: Readonly<Record<string, BodyType>> = {
  '': 'json',
  'application/json': 'json',
  'application/msgpack': 'msgpack',
  'application/x-msgpack': 'msgpack',
  'application/vnd.msgpack': 'msgpack',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
};

/** What is read of a request before its handler returns, when it is still there. */
type Head = Omit<ZonesHead, 'layer'>;

export function handleHttp(context: HttpContext, res: HttpResponse, req: HttpRequest): void {
  const startedAt = performance.now();
  const method = req.getCaseSensitiveMethod();
  const exchange = new Exchange(res, acceptedEncoding(req.getHeader('accept')), method === 'HEAD', context.unsent);
  exchange.closing = context.isDraining();
  exchange.requestId = context.service.ids.tryNext()?.toString();
  let onAborted: (() => void) | undefined;
  res.onAborted(() => {
    onAborted?.();
    if (!exchange.over) context.counters.add('abortedRequests', 1);
    exchange.aborted();
  });
  let op: CountedOp = 'other';
  let root: Call | undefined;
  let failure: RazielError | undefined;
  let change: Omit<AuditEntry, 'outcome'> | undefined;
  const traceparent = req.getHeader('traceparent');
  const fail = (error: unknown): void => {
    failure = sendFailure(context, exchange, error);
  };
  const count = (): void => {
    const micros = (performance.now() - startedAt) * 1000;
    context.counters.request(op, 'http', micros);
    if (micros >= context.slow.micros) {
      const error = failure === undefined ? {} : { error: failure.code };
      context.slow.note(op, 'http', micros, () => ({
        ...(exchange.request === undefined ? {} : outlineOf(exchange.request)),
        ...error,
      }));
    }
    if (change !== undefined) context.audit({ ...change, outcome: failure?.code ?? 'ok' });
    const { httpTraces, service } = context;
    if (failure !== undefined) httpTraces.fail(root, service.endpoints[op as OwnRequest['op']], failure.code);
    else if (root !== undefined) httpTraces.end(root);
  };
  /** The request is complete and its turn has come. */
  const begin = (): Call => {
    root = context.httpTraces.begin(traceparent);
    exchange.traceparent = context.httpTraces.tracer.traceparentOf(root);
    return root;
  };
  const work = (run: (caller: Call) => void | Promise<void>): void =>
    settle(context.turns, () => run(begin()), fail, count);
  try {
    const visitor = readCaller(req);
    if (method === 'OPTIONS' && visitor.origin !== '') {
      exchange.headers = context.gate.preflight(visitor);
      exchange.sendNothing();
      count();
      return;
    }
    const { operation, parameter } = enter(context.gate, exchange, visitor, method, req.getUrl());
    op = countedOp(operation);
    if (!context.isReady() && !ANSWERED_EARLY.has(operation.name)) throw starting();
    const grant = context.gate.admit(visitor, operation.access);
    askGrant(grant, exchange, operation, parameter);
    change = changeOf(operation, parameter, req.getQuery() ?? '', grant, () => remoteAddressOf(res));
    const head: Head = {
      query: req.getQuery() ?? '',
      contentType: req.getHeader('content-type'),
      contentEncoding: req.getHeader('content-encoding'),
      contentLength: Number(req.getHeader('content-length')),
      ifMatch: req.getHeader('if-match'),
    };
    if (operation.http?.from === 'upload') {
      refuseWhileDraining(context);
      if (context.memory.pressure > 0) throw shed(context);
      const upload = { ...head, layer: parameter };
      const run = (task: ZoneTask): Promise<void> => answerZones(context.zones, exchange, task, begin());
      onAborted = receiveUpload(context, res, exchange, operation, upload, run, (sent) => {
        sent.catch(fail).finally(count);
      }).aborted;
      return;
    }
    if (operation.http?.from === 'body') {
      const type = bodyType(operation, head);
      const refuse = (error: RazielError): void => {
        // Whoever is too slow is not waited for any longer.
        if (error.code === 'TIMED_OUT') exchange.closing = true;
        fail(error);
        count();
      };
      const isDurable = operation.name === 'locations' && readDurable(context, head.query);
      if (head.contentLength > context.bodyBytesMax) {
        refuse(new RazielError('TOO_LARGE', `a body has at most ${context.bodyBytesMax} bytes, got more`));
        return;
      }
      if (context.memory.pressure > 0 && !(head.contentLength <= SMALL_BYTES)) throw shed(context);
      // A search is counted by what its body asks for.
      const found = (searched: CountedOp): void => {
        op = searched;
      };
      const take = (body: Uint8Array): void => {
        if (context.turns.isOpen) {
          work((caller) => answerBody(context, exchange, operation, type, body, parameter, found, caller, isDurable));
          return;
        }
        if (!context.bodies.take(body.length)) {
          refuse(shed(context));
          return;
        }
        const own = body.slice();
        context.turns.defer(() => {
          context.bodies.give(own.length);
          work((caller) => answerBody(context, exchange, operation, type, own, parameter, found, caller, isDurable));
        });
      };
      onAborted = readBody(res, context.bodyBytesMax, context, take, refuse).aborted;
      return;
    }
    const run = (): void => work((caller) => answer(context, exchange, operation, head, parameter, caller));
    if (context.turns.isOpen || op === 'other') run();
    else context.turns.defer(run);
  } catch (error) {
    fail(error);
    count();
  }
}

/** Runs what may answer now or later; counts when it has. */
function settle(
  turns: Turns,
  work: () => void | Promise<void>,
  fail: (error: unknown) => void,
  count: () => void,
): void {
  const startedAt = performance.now();
  try {
    const later = work();
    if (later instanceof Promise) {
      later.catch(fail).finally(count);
      return;
    }
  } catch (error) {
    fail(error);
  }
  turns.spend((performance.now() - startedAt) * 1000);
  count();
}

function answer(
  context: HttpContext,
  exchange: Exchange,
  operation: Operation,
  head: Head,
  parameter: string,
  caller: Call,
): void | Promise<void> {
  const { query } = head;
  switch (operation.name) {
    case 'nearest':
      return execute(context, exchange, caller, {
        op: 'nearest',
        query: readNearest(readQueryString(query, operation.parameters)),
      });
    case 'supply':
      return execute(context, exchange, caller, {
        op: 'supply',
        query: readSupply(readQueryString(query, operation.parameters)),
      });
    case 'zonesAt':
      return execute(context, exchange, caller, {
        op: 'zonesAt',
        query: readZonesAt(readQueryString(query, operation.parameters)),
      });
    case 'ids':
      return execute(context, exchange, caller, readIds(readQueryString(query, operation.parameters)));
    case 'zonesDelete':
      refuseWhileDraining(context);
      return answerZones(context.zones, exchange, zonesTask(operation, { ...head, layer: parameter }), caller);
    case 'zonesList':
    case 'zonesGet':
      return answerZones(context.zones, exchange, zonesTask(operation, { ...head, layer: parameter }), caller);
    case 'driver':
      return execute(context, exchange, caller, { op: 'driver', id: readPathId(parameter) });
    case 'remove':
      context.service.remove(readPathId(parameter), caller);
      return exchange.sendNothing();
    case 'services':
      return execute(context, exchange, caller, { op: 'call', service: 'tracing.services', body: {} });
    case 'traces':
      return execute(context, exchange, caller, {
        op: 'call',
        service: 'tracing.traces',
        body: readQueryString(query, operation.parameters),
      });
    case 'trace':
      return execute(context, exchange, caller, {
        op: 'call',
        service: 'tracing.trace',
        body: { traceId: readPathName(parameter) },
      });
    case 'backup':
      refuseWhileDraining(context);
      return answerBackup(context.durable, exchange);
    case 'readyz':
      if (context.isDraining()) throw new RazielError('SHUTTING_DOWN', 'the server is shutting down');
      if (!context.isReady()) throw starting();
      return exchange.sendValue(readiness(context.storageMeters));
    case 'healthz':
      return exchange.sendValue({ status: 'ok' });
    case 'openapi':
      return exchange.send(200, 'application/json', openApiText());
    case 'metrics':
      return context.metrics().then(({ contentType, text }) => exchange.send(200, contentType, text));
    default:
      throw new RazielError('NOT_FOUND', `nothing is at ${operation.http?.path}`);
  }
}

function answerBody(
  context: HttpContext,
  exchange: Exchange,
  operation: Operation,
  type: BodyType,
  body: Uint8Array,
  parameter: string,
  found: (searched: CountedOp) => void,
  caller: Call,
  isDurable: boolean,
): void | Promise<void> {
  if (operation.name === 'locations') {
    const batch = readFixes(type, body);
    const { service } = context;
    const request: Request = { op: 'locations', batch: batch.bytes, quiet: false, durable: isDurable };
    exchange.grant?.authorize(request, service);
    const result = withReasons(service.apply(batch.bytes, caller), batch);
    if (!isDurable) return exchange.sendValue(result);
    return context.durable?.committed(batch.bytes, service.appliedAtMs).then(() => exchange.sendValue(result));
  }
  const value = type === 'msgpack' ? readMessagePack(body) : readJson(body);
  if (operation.name === 'search') {
    const query = readSearch(value);
    found(query.kind);
    const request: Request = query.kind === 'nearest' ? { op: 'nearest', query } : { op: 'within', query };
    return execute(context, exchange, caller, request);
  }
  if (operation.name === 'zonesAtPoints') {
    if (!isFields(value)) throw new RazielError('BAD_REQUEST', 'the body must be a map with points');
    return execute(context, exchange, caller, { op: 'zonesAt', query: readZonesAt(value) });
  }
  if (operation.name === 'call') {
    if (!isFields(value)) throw new RazielError('BAD_REQUEST', 'the body must be a map');
    return execute(context, exchange, caller, { op: 'call', service: readPathName(parameter), body: value });
  }
  if (!isFields(value)) throw new RazielError('BAD_REQUEST', 'the body must be a map with searches');
  refuseUnknown(value, new Set(['searches']), 'multisearch');
  return execute(context, exchange, caller, { op: 'multisearch', queries: readSearches(value) });
}

/** @throws RazielError NOT_SUPPORTED when nothing is kept */
function readDurable(context: HttpContext, query: string): boolean {
  const { ack } = readQueryString(query, [PARAMETERS.ACK]);
  if (readWord({ ack }, PARAMETERS.ACK) !== 'durable') return false;
  if (context.durable === undefined) throw notDurable();
  return true;
}

export function starting(): RazielError {
  return new RazielError('OVERLOADED', 'the server is starting');
}

/** Refuses a request for want of memory. */
function shed(context: HttpContext): RazielError {
  context.counters.add('shed', 1);
  return shortOfMemory();
}

/** A change that comes now might not be answered any more. */
function refuseWhileDraining(context: HttpContext): void {
  if (context.isDraining()) throw new RazielError('SHUTTING_DOWN', 'the server is shutting down');
}

function execute(context: HttpContext, exchange: Exchange, caller: Call, request: Request): void | Promise<void> {
  const { service } = context;
  exchange.request = request;
  exchange.grant?.authorize(request, service);
  if (context.memory.pressure > 0 && isWide(request)) throw shed(context);
  const send = (got: Awaited<ReturnType<Service['execute']>>): void => {
    const traceId = SEARCHES.has(request.op) ? context.httpTraces.tracer.traceIdOf(caller) : undefined;
    const traced = traceId === undefined ? got : withTraceId(got, service.reply, traceId);
    const bytes = encodeAnswer(traced, service.reply, exchange.encoding);
    exchange.sendEncoded(bytes ?? '');
    service.reply.release();
  };
  const got = service.execute(request, undefined, exchange.encoding, caller);
  return got instanceof Promise ? got.then(send) : send(got);
}

function readFixes(type: BodyType, body: Uint8Array): FixBatch {
  if (type === 'msgpack') return readMessagePackFixes(body);
  return type === 'ndjson' ? readNdjsonFixes(body) : readJsonFixes(body);
}

/** The engine's result, with what is known of the lines of NDJSON that were no JSON. */
function withReasons(result: BatchResult, batch: FixBatch): BatchResult {
  const { broken } = batch;
  if (broken === undefined || broken.size === 0) return result;
  const rejected = result.rejected.map((fix) => ({ ...fix, message: broken.get(fix.index) ?? fix.message }));
  return { ...result, rejected };
}

function readMessagePack(body: Uint8Array): unknown {
  checkMessage(body);
  return unpackMessage(body);
}

function readPathName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new RazielError('BAD_REQUEST', 'the name in the path is not percent-encoded UTF-8', { field: 'service' });
  }
}

/** @throws RazielError UNSUPPORTED_TYPE */
function bodyType(operation: Operation, head: Head): BodyType {
  const [mediaType = '', ...parameters] = head.contentType.toLowerCase().split(';');
  const type = BODY_TYPES[mediaType.trim()];
  const isAllowed = type !== undefined && (type !== 'ndjson' || operation.name === 'locations');
  if (!isAllowed) {
    const allowed = operation.name === 'locations' ? 'JSON, MessagePack or NDJSON' : 'JSON or MessagePack';
    throw new RazielError(
      'UNSUPPORTED_TYPE',
      `a body here is ${allowed}, got content type ${JSON.stringify(mediaType.slice(0, 64))}`,
    );
  }
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw new RazielError('UNSUPPORTED_TYPE', `a body here is UTF-8, got ${charset.slice(0, 32)}`);
  }
  if (head.contentEncoding !== '' && head.contentEncoding !== 'identity') {
    throw new RazielError(
      'UNSUPPORTED_TYPE',
      `a body here is not compressed, got content encoding ${head.contentEncoding.slice(0, 32)}`,
    );
  }
  return type;
}

function acceptedEncoding(accept: string): Encoding {
  return /application\/(?:x-|vnd\.)?msgpack/i.test(accept) ? 'msgpack' : 'json';
}

function countedOp(operation: Operation): CountedOp {
  switch (operation.name) {
    case 'locations':
    case 'nearest':
    case 'multisearch':
    case 'driver':
    case 'remove':
    case 'supply':
    case 'ids':
    case 'call':
      return operation.name;
    case 'search':
    case 'within':
      return 'within';
    case 'zonesAt':
    case 'zonesAtPoints':
      return 'zonesAt';
    case 'zonesList':
    case 'zonesGet':
    case 'zonesPut':
    case 'zonesDelete':
      return 'zones';
    default:
      return 'other';
  }
}

function sendFailure(context: HttpContext, exchange: Exchange, cause: unknown): RazielError {
  const error = asRazielError(cause);
  if (error.code === 'INTERNAL') context.report(new Error(`request ${exchange.requestId} failed`, { cause }));
  context.counters.error(error.code);
  exchange.sendError(error, error instanceof MethodNotAllowed ? [['allow', error.allow]] : []);
  return error;
}

let openApi: string | undefined;

function openApiText(): string {
  openApi ??= JSON.stringify(openApiDocument());
  return openApi;
}
