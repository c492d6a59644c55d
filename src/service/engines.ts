// Chooses the engine of drivers and says why. The portable one is loaded where it serves: its libraries take each thread that loads them a tenth of
// a second or two, and a start has several.

import type { DriverEngine, EngineOptions, FrameAnswerer } from '../drivers/engine.ts';
import { attachNativeEngine, loadNative, openNativeEngine } from '../drivers/native.ts';
import type { Config } from '../config.ts';

export type ServingEngine = DriverEngine & Partial<FrameAnswerer>;

export interface ChosenEngine {
  readonly engine: ServingEngine;
  /** How other threads of the process attach to it; undefined when only this thread can use it. */
  readonly handle: number | undefined;
  /** One clause for the log. */
  readonly reason: string;
}

/** Which engine `chooseEngine` would choose. */
export function kindOfEngine({ engine }: Config): 'native' | 'portable' {
  return engine === 'native' || (engine === 'auto' && loadNative().ok) ? 'native' : 'portable';
}

/** Rejects with an Error when the native engine was asked for and cannot be loaded. */
export async function chooseEngine(config: Config): Promise<ChosenEngine> {
  const options = optionsOf(config);
  if (config.engine === 'portable') return portable(options, 'it was asked for');
  const native = loadNative();
  if (!native.ok) {
    if (config.engine === 'native') throw new Error(`the native engine cannot be loaded: ${native.reason}`);
    return portable(
      options,
      `the native engine cannot be loaded (${native.reason}); this one is slower and has one thread`,
    );
  }
  const engine = openNativeEngine(options);
  const reason = config.engine === 'native' ? 'it was asked for' : 'its addon could be loaded';
  return { engine, handle: engine.handle, reason };
}

/** Attaches a thread to the native engine that another thread of the process opened. */
export function attachEngine(handle: number, config: Config): ServingEngine {
  return attachNativeEngine(handle, optionsOf(config));
}

function optionsOf(config: Config): EngineOptions {
  return {
    driversMax: config.driversMax,
    ttlSecondsDefault: config.ttl,
    searchCandidatesMax: config.searchCandidatesMax,
  };
}

async function portable(options: EngineOptions, reason: string): Promise<ChosenEngine> {
  const { openPortableEngine } = await import('../drivers/portable.ts');
  return { engine: openPortableEngine(options), handle: undefined, reason };
}
