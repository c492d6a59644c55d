// The storage thread: the only one that touches the data directory. It opens and checks it, loads the drivers, answers reads, and commits.

import { mkdirSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { pino } from 'pino';
import { nowMs, useClock } from '../clock.ts';
import { openNativeJournal } from '../drivers/native-journal.ts';
import { RazielError } from '../errors.ts';
import { StorageMeters } from '../metrics/storage-meters.ts';
import { removeSpooled, spoolBackup, stopSpooling } from './backup/spool.ts';
import type { CheckedData } from './check-data.ts';
import { asStorageError, Committer } from './committer.ts';
import { lockDirectory } from './data-lock.ts';
import { type DriverSource, LocalSource, RemoteSource } from './driver-source.ts';
import type { Environment } from './environment.ts';
import { openData } from './open-data.ts';
import { unseal } from './envelope.ts';
import type { FromStorageThread, StorageAnswer, StorageRequest, ToStorageThread } from './messages.ts';
import { StoredDrivers } from './stored-drivers.ts';

export interface StorageWorkerData {
  readonly directory: string;
  readonly bytesMax: number;
  readonly logLevel: string;
  readonly clock: SharedArrayBuffer;
  readonly meters: SharedArrayBuffer;
  /** The engine of drivers: the native one by its handle, another one by a port to hostJournal(). */
  readonly engine: number | MessagePort;
}

const { directory, bytesMax, logLevel, clock, meters: shared, engine } = workerData as StorageWorkerData;
const main = parentPort as MessagePort;
useClock(clock);
const log = pino({ level: logLevel }, pino.destination({ dest: 2, sync: true }));
const meters = new StorageMeters(shared);

try {
  await run();
} catch (error) {
  tell({ refused: (error as Error).message });
  main.close();
}

async function run(): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const lock = lockDirectory(directory);
  removeSpooled(directory);
  const startedAt = performance.now();
  let data: Awaited<ReturnType<typeof openData>>;
  try {
    data = await openData(directory, bytesMax);
  } catch (error) {
    lock.release();
    throw error;
  }
  const { environment, checked } = data;
  if (checked !== undefined) {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(2);
    const mebibytes = Math.ceil(checked.usedBytes / 2 ** 20);
    log.info(
      `storage: the data file was checked in ${seconds} s; ${mebibytes} MiB are in use, in format ${checked.formatVersion}`,
    );
  }
  meters.state = 'starting';
  const source: DriverSource =
    typeof engine === 'number' ? new LocalSource(openNativeJournal(engine)) : new RemoteSource(engine);
  const drivers = new StoredDrivers(environment, source);
  const committer = new Committer({
    environment,
    drivers,
    meters,
    nowMs,
    log: (level, message) => log[level](message),
  });
  // Reads are answered while the drivers are loaded: the zones are among what they ask for.
  main.on('message', async (message: ToStorageThread) => {
    if ('connect' in message) {
      serve(message.connect, environment, committer);
      return;
    }
    await stopSpooling();
    await committer.stop();
    drivers.close();
    await environment.close();
    lock.release();
    main.close();
  });
  tell({ opened: true });
  await load(drivers, checked);
  committer.start();
  tell({ loaded: true });
}

async function load(drivers: StoredDrivers, checked: CheckedData | undefined): Promise<void> {
  const startedAt = performance.now();
  let toldAt = startedAt;
  const { restored, expired, refused, damaged, blocks, agrees } = await drivers.load(checked, nowMs(), (share) => {
    if (performance.now() - toldAt < 500) return;
    toldAt = performance.now();
    log.info(`storage: ${Math.floor(100 * share)}% of the stored drivers are loaded`);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  meters.set('loadedDrivers', restored);
  meters.set('expiredDrivers', expired);
  meters.set('refusedDrivers', refused);
  meters.set('damagedDrivers', damaged);
  meters.set('loadSeconds', seconds);
  log.info(`storage: ${restored} drivers loaded in ${seconds.toFixed(2)} s; ${expired} had expired`);
  if (refused > 0)
    log.error(`storage: ${refused} stored drivers were dropped, the engine has no room for them (--drivers-max)`);
  if (damaged > 0) {
    log.error(
      `storage: ${damaged} stored drivers are damaged and were dropped; they are known again with their next fix`,
    );
  }
  if (!agrees) {
    log.error(
      `storage: the ${blocks} stored blocks of drivers are not those of the last commit: some drivers may be missing or old until their next fix`,
    );
  }
}

function serve(port: MessagePort, environment: Environment, committer: Committer): void {
  port.unref();
  port.on('message', async (task: StorageRequest) => {
    port.postMessage(await answer(task, environment, committer));
  });
}

async function answer(task: StorageRequest, environment: Environment, committer: Committer): Promise<StorageAnswer> {
  const { request } = task;
  try {
    switch (task.kind) {
      case 'get': {
        const sealed = environment.state.get(task.key);
        return { request, entries: sealed === undefined ? [] : [opened(task.key, sealed)] };
      }
      case 'entries':
        return { request, entries: entriesOf(environment, task.prefix) };
      case 'write':
        await committer.write(task.changes, task.applied);
        return { request, entries: [] };
      case 'backup':
        // With all that was applied before.
        await committer.write([]);
        return { request, entries: [], spooled: await spoolBackup(environment, nowMs()) };
    }
  } catch (error) {
    const { code, message } = asStorageError(error);
    return { request, code, message };
  }
}

function entriesOf(environment: Environment, prefix: string): (readonly [string, Uint8Array])[] {
  const found: (readonly [string, Uint8Array])[] = [];
  for (const { key, value } of environment.state.getRange({ start: prefix })) {
    if (!key.startsWith(prefix)) break;
    found.push(opened(key, value));
  }
  return found;
}

/** @throws RazielError that says what to do about a damaged value */
function opened(key: string, sealed: Uint8Array): readonly [string, Uint8Array] {
  const value = unseal(key, sealed);
  if (value !== undefined) return [key, value];
  throw new RazielError(
    'INTERNAL',
    `${JSON.stringify(key)} in the data directory ${directory} is damaged: put a copy of the directory in its place, or start with another --data`,
  );
}

function tell(message: FromStorageThread): void {
  main.postMessage(message);
}
