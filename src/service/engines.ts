// Chooses the engine of drivers and says why.

import type { DriverEngine, EngineOptions, FrameAnswerer } from '../drivers/engine.ts';
import { openPortableEngine } from '../drivers/portable.ts';

export interface ChosenEngine {
  readonly engine: DriverEngine & Partial<FrameAnswerer>;
  /** How other threads of the process attach to it; undefined when only this thread can use it. */
  readonly handle: number | undefined;
  /** One clause for the log. */
  readonly reason: string;
}

/** @throws Error when the native engine was asked for and cannot be loaded */
export function chooseEngine(wanted: 'auto' | 'native' | 'portable', options: EngineOptions): ChosenEngine {
  if (wanted === 'portable') return portable(options, 'it was asked for');
  return portable(options, 'the native engine is not there yet');
}

function portable(options: EngineOptions, reason: string): ChosenEngine {
  return { engine: openPortableEngine(options), handle: undefined, reason };
}
