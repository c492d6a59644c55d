// Divides the memory that a server may take (--max-memory) among what needs some: the process itself, the index of drivers, uploads of zones,
// and what is kept for clients. Limits that do not fit their share are lowered where nobody set them, and refused where somebody did.
//
// Of what the process does not need from the start a tenth stays free; half of the rest is for drivers, a quarter for zones, and a quarter for
// what is kept for clients.

import type { Config } from '../config.ts';
import { TRAFFIC_BYTES } from '../eta/traffic.ts';
import {
  CONNECTIONS_MAX_DEFAULT,
  DRIVERS_MAX_DEFAULT,
  KEPT_BYTES_MAX_DEFAULT,
  ZONES_BYTES_MAX_DEFAULT,
  ZONES_HEAP_BYTES_DEFAULT,
  ZONES_TOTAL_BYTES_MAX_DEFAULT,
} from '../limits.ts';

const MIB = 1024 * 1024;
/** Of a process with one serving thread and nothing to do, measured: some 155 MiB. */
const PROCESS_BYTES = 168 * MIB;
/** Of each thread, when several serve, measured: some 40 MiB. */
const THREAD_BYTES = 48 * MIB;
/** Of the thread that stores, its buffers and what it keeps of each block, measured: some 24 MiB. */
const STORAGE_BYTES = 32 * MIB;
/** Of a driver with an id of 128 bytes and tags; most take 180 of the native engine, 600 of the portable one. */
const NATIVE_DRIVER_BYTES = 400;
const PORTABLE_DRIVER_BYTES = 1_200;
/** Of a connection with nothing under way, with the socket library's share. */
const CONNECTION_BYTES = 4 * 1024;
/** The least that is worth dividing. */
const REST_BYTES_MIN = 64 * MIB;
const USED_SHARE = 0.9;
/** JSON of zones takes some so many times its bytes while it is parsed and built, */
const ZONES_PARSED_FACTOR = 8;
/** and so many times as a layer. */
const ZONES_HELD_FACTOR = 3;

export interface MemoryPlan {
  /** With the limits that the memory allows for, and the threads that serve. */
  readonly config: Config;
  /** What was lowered, a clause each, for the log. */
  readonly lowered: readonly string[];
}

/** @throws Error that says which setting does not fit, and what would */
export function planMemory(asked: Config, threads: number, engine: 'native' | 'portable'): MemoryPlan {
  const config = { ...asked, threads };
  if (config.maxMemory === 0) return { config, lowered: [] };
  const rest = restOf(config);
  if (rest < REST_BYTES_MIN) {
    const least = Math.ceil((processBytes(config) + REST_BYTES_MIN) / USED_SHARE / MIB);
    throw new Error(
      `--max-memory must be at least ${least}MiB with ${threads} serving thread${threads > 1 ? 's' : ''}`,
    );
  }
  const { keptBytesMax, zonesBytes } = sharesOf(config);
  const fits = {
    driversMax: Math.floor(rest / 2 / (engine === 'native' ? NATIVE_DRIVER_BYTES : PORTABLE_DRIVER_BYTES)),
    connectionsMax: Math.max(64, Math.floor(keptBytesMax / 2 / CONNECTION_BYTES)),
    zonesBytesMax: Math.floor(zonesBytes / ZONES_PARSED_FACTOR),
    zonesTotalBytesMax: Math.floor(zonesBytes / ZONES_HELD_FACTOR),
  };
  const defaults = {
    driversMax: DRIVERS_MAX_DEFAULT,
    connectionsMax: CONNECTIONS_MAX_DEFAULT,
    zonesBytesMax: ZONES_BYTES_MAX_DEFAULT,
    zonesTotalBytesMax: ZONES_TOTAL_BYTES_MAX_DEFAULT,
  };
  const lowered: string[] = [];
  for (const [name, most] of Object.entries(fits) as [keyof typeof fits, number][]) {
    if (config[name] <= most) continue;
    if (config[name] !== defaults[name]) {
      throw new Error(`${name} ${config[name]} does not fit into --max-memory: ${most} would, or more memory`);
    }
    config[name] = most;
    lowered.push(`${name} ${most}`);
  }
  return { config, lowered };
}

export interface MemoryShares {
  /** What all threads together may keep for clients. */
  readonly keptBytesMax: number;
  /** For layers and for an upload that is being read. */
  readonly zonesBytes: number;
}

/** @param config as planned */
export function sharesOf(config: Config): MemoryShares {
  if (config.maxMemory === 0) return { keptBytesMax: KEPT_BYTES_MAX_DEFAULT, zonesBytes: ZONES_HEAP_BYTES_DEFAULT };
  const quarter = Math.floor(restOf(config) / 4);
  return { keptBytesMax: quarter, zonesBytes: quarter };
}

function restOf(config: Config): number {
  return USED_SHARE * config.maxMemory - processBytes(config);
}

/** With all of learned traffic, which a start does not have yet. */
function processBytes({ threads, memory }: Config): number {
  const storage = memory ? 0 : STORAGE_BYTES;
  return PROCESS_BYTES + TRAFFIC_BYTES + storage + (threads > 1 ? threads * THREAD_BYTES : 0);
}
