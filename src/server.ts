// The composition root: an engine, its serving threads and what keeps them in order.
//
//   const server = await startServer(readConfig({ port: 0 }));
//   … server.port …
//   await server.stop();

import { pino } from 'pino';
import type { Config } from './config.ts';
import { allocateCounters } from './metrics/counters.ts';
import { createServing } from './server-serving.ts';
import { chooseEngine } from './service/engines.ts';
import { SlicedSupply } from './supply/slices.ts';

const SWEEP_MS = 50;

export interface RunningServer {
  readonly port: number;
  readonly host: string;
  /** Drains and stops; resolves when everything is closed. A second call waits for the first. */
  stop(): Promise<void>;
}

/** @throws Error that says in one sentence why the server cannot start */
export async function startServer(config: Config): Promise<RunningServer> {
  const log = pino({ level: config.logLevel }, pino.destination(2));
  const { engine, reason } = chooseEngine(config.engine, {
    driversMax: config.driversMax,
    ttlSecondsDefault: config.ttl,
    searchCandidatesMax: config.searchCandidatesMax,
  });
  log.info({ engine: engine.kind }, `engine ${engine.kind}: ${reason}`);
  const supply = new SlicedSupply(engine);
  const serving = createServing({
    config,
    engine,
    shared: allocateCounters(1),
    thread: 0,
    supply: (query, ref, encoding) => supply.count(query, ref, encoding),
    isReady: () => true,
    report: (error) => log.error(error),
  });
  const port = serving.listen(config.port, false);
  if (port === undefined)
    throw new Error(`${config.host}:${config.port} cannot be listened on: it is in use, or not this machine's`);
  const sweeper = setInterval(() => engine.sweep(Date.now()), SWEEP_MS);
  log.info({ host: config.host, port }, `listening on ${config.host}:${port}`);
  let stopped: Promise<void> | undefined;
  return {
    port,
    host: config.host,
    stop() {
      stopped ??= (async () => {
        await serving.drain(config.drainSeconds * 1000);
        clearInterval(sweeper);
        serving.close();
        engine.close();
      })();
      return stopped;
    },
  };
}
