// The tracing thread: empties the rings of the serving threads, and hands what they held to the embedded collector or to another server's,
// and to OpenTelemetry. It answers what is asked of traces and services. Nothing waits for it.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { pino } from 'pino';
import { giveWay, SOMEBODY_WAITS } from '../background.ts';
import type { Config } from '../config.ts';
import { RazielError } from '../errors.ts';
import { TraceMeters } from '../metrics/trace-meters.ts';
import { encodeMessage } from '../protocol/codec.ts';
import { readUdpAddress, showUdpAddress, type UdpAddress } from './address.ts';
import { Collector } from './collector.ts';
import { LocalStatistics } from './local-statistics.ts';
import type { FromTracingThread, ToTracingThread, TraceJob, TraceQuestion } from './messages.ts';
import type { TraceArchive } from './archive.ts';
import type { OtlpExport } from './otlp.ts';
import { ServicesReporter, WINDOW_STEP_MS } from './services-report.ts';
import type { SharedTracing } from './shared.ts';
import { SpanSource } from './source.ts';
import type { Span } from './span.ts';
import { listenForSpans, SpanSender } from './udp.ts';

/** How often the rings are emptied: a thread may record TRACE_RING_SPANS in the meantime. */
const DRAIN_MS = 50;
/** Spans for another server wait for so many more rounds at most, if they do not fill a datagram before. */
const FLUSH_ROUNDS = 4;
const ARCHIVE_MS = 1_000;
const CLOSING_MS = 1_000;
const LISTEN_HOST_DEFAULT = '127.0.0.1';

export interface TracingWorkerData {
  readonly config: Pick<
    Config,
    | 'logLevel'
    | 'data'
    | 'memory'
    | 'traceHost'
    | 'traceTo'
    | 'traceListen'
    | 'traceRetention'
    | 'traceSpansMax'
    | 'otlp'
  >;
  /** Of every serving thread. */
  readonly tracing: readonly SharedTracing[];
  readonly counters: SharedArrayBuffer;
  readonly meters: SharedArrayBuffer;
  readonly ports: readonly MessagePort[];
}

export type FromTracingWorker = { readonly started: true } | { readonly refused: string };

giveWay(SOMEBODY_WAITS);
const { config, tracing, counters, meters: sharedMeters, ports } = workerData as TracingWorkerData;
const main = parentPort as MessagePort;
const log = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
const meters = new TraceMeters(sharedMeters);
const sources = tracing.map((shared) => new SpanSource(shared, config.traceHost));
const archive = await openArchive();
const collector = new Collector(config.traceSpansMax, archive);
const reporter = new ServicesReporter(new LocalStatistics(tracing, counters), collector);
const sender = config.traceTo === '' ? undefined : new SpanSender(readUdpAddress(config.traceTo) as UdpAddress, meters);
// OpenTelemetry's packages take half a second to load: only for those who asked for them.
const otlp: OtlpExport | undefined =
  config.otlp === '' ? undefined : new (await import('./otlp.ts')).OtlpExport(config.otlp, meters);

/** Traces can be spared: a server whose archive cannot be opened serves without. */
async function openArchive(): Promise<TraceArchive | undefined> {
  if (config.traceRetention === 0) return undefined;
  try {
    const { TraceArchive: Archive, putAsideDamaged } = await import('./archive.ts');
    const aside = putAsideDamaged(config.data);
    if (aside !== undefined) log.error(`the file of stored traces was damaged and is ${aside} now; a new one is made`);
    return new Archive(config.data, config.traceRetention, meters);
  } catch (error) {
    log.error(`traces are not stored: ${(error as Error).message}; without the file a new one is made`);
    return undefined;
  }
}

/** Spans of this server go to another's collector, or are kept here. */
const store = sender === undefined ? collector.store : undefined;
const wantsSpans = sender !== undefined || archive !== undefined || otlp !== undefined;

function take(span: Span): void {
  if (sender === undefined) archive?.add(span);
  else sender.add(span);
  otlp?.add(span);
}

function takeRemote(spans: readonly Span[]): void {
  for (const span of spans) {
    collector.addRemote(span);
    otlp?.add(span);
  }
}

function drain(): void {
  for (const source of sources) source.drain(store, wantsSpans ? take : undefined);
  meters.set('spans', collector.store.spans);
}

function answer(question: TraceQuestion): object {
  // What has been recorded by now counts.
  drain();
  switch (question.kind) {
    case 'traces':
      return { traces: collector.find(question.filter) };
    case 'trace':
      return collector.tree(question.traceId);
    case 'services':
      return reporter.report();
  }
}

function run({ job, question, ref, encoding }: TraceJob): FromTracingThread {
  try {
    const value = answer(question);
    const encoded = encodeMessage(ref === undefined ? value : { ref, ...value }, encoding);
    // A copy that is nothing but the answer, so that it can be handed over rather than cloned.
    return { job, bytes: new Uint8Array(encoded) };
  } catch (error) {
    if (!(error instanceof RazielError)) {
      log.error(error);
      return { job, code: 'INTERNAL', message: 'internal error' };
    }
    const { code, message, field } = error;
    return { job, code, message, ...(field === undefined ? {} : { field }) };
  }
}

for (const port of ports) {
  port.on('message', (message: ToTracingThread) => {
    if ('endpoints' in message) {
      reporter.endpoints = message.endpoints;
      return;
    }
    const done = run(message);
    port.postMessage(done, 'bytes' in done ? [done.bytes.buffer] : []);
  });
}

let rounds = 0;
const drainer = setInterval(() => {
  drain();
  if (++rounds % FLUSH_ROUNDS === 0) sender?.flush();
}, DRAIN_MS);
const archiver = setInterval(() => archive?.write(), ARCHIVE_MS);
const noter = setInterval(() => reporter.note(), WINDOW_STEP_MS);

let listener: Awaited<ReturnType<typeof listenForSpans>> | undefined;
if (config.traceListen !== '') {
  const at = readUdpAddress(config.traceListen, LISTEN_HOST_DEFAULT) as UdpAddress;
  try {
    listener = await listenForSpans(at, meters, takeRemote);
    log.info(`collecting traces on udp ${showUdpAddress({ ...at, port: listener.port })}`);
  } catch (error) {
    tell({ refused: `cannot listen for traces on udp ${showUdpAddress(at)}: ${(error as Error).message}` });
    await close();
  }
}
tell({ started: true });

main.once('message', async () => {
  drain();
  await close();
});

async function close(): Promise<void> {
  clearInterval(drainer);
  clearInterval(noter);
  clearInterval(archiver);
  listener?.close();
  await Promise.all([sender?.close(), otlp?.close(CLOSING_MS), archive?.close()]);
  for (const port of ports) port.close();
  main.close();
}

function tell(message: FromTracingWorker): void {
  main.postMessage(message);
}
