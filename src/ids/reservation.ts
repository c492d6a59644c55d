// Keeps ids rising across restarts: what may be given out is reserved on disk first, some seconds ahead, so that even a killed server knows
// after its restart what it may have given out. It then goes on behind that, and its ids are ahead of the clock by as much until time
// has caught up. A server that is stopped in order writes down the last id instead. Without a data directory ids rise from run to run
// only as the clock does.
//
//   const reservation = await reserveIds(ids, state, log);      // before the first id
//   await reservation.stop();                                   // behind the last one

import { RazielError } from '../errors.ts';
import { IDS_AHEAD_MS_MAX, IDS_RESERVED_MS } from '../limits.ts';
import type { DurableState } from '../storage/state.ts';
import type { IdGenerator } from './generator.ts';
import { STEPS_PER_MS } from './layout.ts';

const KEY = 'ids/last';
const FORMAT_VERSION = 1;
const VALUE_BYTES = 9;

const TICK_MS = 500;
/** Renewed when less than this is left. */
const LEFT_MS_MIN = IDS_RESERVED_MS / 2;
/** Behind a last id that is ahead of the clock: little, so that a server that crashes again and again does not get farther ahead each time. */
const BEHIND_LAST_MS = 250;

export type IdLog = (level: 'error' | 'info', message: string) => void;

export interface IdReservation {
  /** To be called when nobody makes ids any more: gives back what was reserved. Nothing is given out afterwards. */
  stop(): Promise<void>;
}

/**
 * Reads what was given out before, and reserves.
 * @throws Error when what is stored is not readable
 */
export async function reserveIds(ids: IdGenerator, state: DurableState, log: IdLog): Promise<IdReservation> {
  const stored = await state.get(KEY);
  if (stored !== undefined) startBehind(ids, readStep(stored), log);
  const reserver = new Reserver(ids, state, log);
  await reserver.tick();
  const timer = setInterval(() => void reserver.tick(), TICK_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await reserver.finish();
      state.close();
    },
  };
}

function startBehind(ids: IdGenerator, last: number, log: IdLog): void {
  ids.startAfter(last);
  const lastMs = ids.epochMs + Math.floor(last / STEPS_PER_MS);
  const aheadMs = lastMs - (ids.epochMs + ids.nowStep / STEPS_PER_MS);
  if (aheadMs <= IDS_AHEAD_MS_MAX) return;
  log(
    'error',
    `the ids given out before reach to ${new Date(lastMs).toISOString()}, which is ${Math.round(aheadMs / 1000)} s ahead of the clock: ` +
      `ids are refused with CLOCK_BACKWARD until ${IDS_AHEAD_MS_MAX / 1000} s before that; the clock or --id-epoch is not what it was`,
  );
}

class Reserver {
  readonly #ids: IdGenerator;
  readonly #state: DurableState;
  readonly #log: IdLog;
  /** The last step that is reserved on disk. */
  #reserved = -1;
  #writing: Promise<void> | undefined;
  #failed = false;

  constructor(ids: IdGenerator, state: DurableState, log: IdLog) {
    this.#ids = ids;
    this.#state = state;
    this.#log = log;
    ids.reserve(ids.last);
  }

  /** Never rejects. */
  async tick(): Promise<void> {
    const { last, nowStep } = this.#ids;
    if (this.#writing !== undefined || this.#reserved - Math.max(last, nowStep) > LEFT_MS_MIN * STEPS_PER_MS) return;
    const step = Math.max(nowStep + IDS_RESERVED_MS * STEPS_PER_MS, last + BEHIND_LAST_MS * STEPS_PER_MS);
    this.#writing = this.#write(step);
    await this.#writing;
    this.#writing = undefined;
  }

  async #write(step: number): Promise<void> {
    try {
      await this.#state.write([{ key: KEY, value: valueOf(step) }]);
      this.#reserved = step;
      this.#ids.reserve(step);
      if (this.#failed) this.#log('info', 'ids can be reserved on disk again');
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) {
        this.#log('error', `ids cannot be reserved on disk, and are refused soon: ${(error as Error).message}`);
      }
      this.#failed = true;
      if (error instanceof RazielError && error.code === 'STORAGE_FULL') this.#ids.reserveFailed();
    }
  }

  async finish(): Promise<void> {
    await this.#writing;
    // What another thread takes from now on is refused.
    this.#ids.reserve(-1);
    await this.#state.write([{ key: KEY, value: valueOf(this.#ids.last) }]).catch((error: Error) => {
      this.#log(
        'error',
        `the last id could not be stored: ${error.message}; the next start goes on behind what is reserved`,
      );
    });
  }
}

/** A byte of version and the step, big endian. */
function valueOf(step: number): Uint8Array {
  const value = Buffer.alloc(VALUE_BYTES);
  value.writeUInt8(FORMAT_VERSION);
  value.writeBigInt64BE(BigInt(step), 1);
  return value;
}

/** Milliseconds of the ids' epoch up to which ids are reserved. */
export function reservedMs(value: Uint8Array): number {
  return Math.floor(readStep(value) / STEPS_PER_MS);
}

function readStep(value: Uint8Array): number {
  const view = Buffer.from(value);
  if (view.length !== VALUE_BYTES || view.readUInt8() !== FORMAT_VERSION) {
    throw new Error('the last id in the data directory is of a format that this version does not know');
  }
  return Number(view.readBigInt64BE(1));
}
