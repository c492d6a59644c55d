// Chooses the engine of drivers and says why.

import type { DriverEngine, EngineOptions, FrameAnswerer } from '../drivers/engine.ts';
import { openPortableEngine } from '../drivers/portable.ts';

export type ServingEngine = DriverEngine & Partial<FrameAnswerer>;

export interface ChosenEngine {
  readonly engine: ServingEngine;
  /** How other threads of the process attach to it; undefined when only this thread can use it. */
  readonly handle: number | undefined;
  /** One clause for the log. */
  readonly reason: string;
}

interface NativeModule {
  loadNative(): { readonly ok: true } | { readonly ok: false; readonly reason: string };
  openNativeEngine(options: EngineOptions): ServingEngine & { readonly handle: number };
  attachNativeEngine(handle: number): ServingEngine;
}

// The native engine is under way; until it is here, its absence is one more reason that the addon cannot be loaded.
const NATIVE_MODULE = '../drivers/native.js';

async function importNative(): Promise<NativeModule | string> {
  try {
    const native = (await import(NATIVE_MODULE)) as NativeModule;
    const loaded = native.loadNative();
    return loaded.ok ? native : loaded.reason;
  } catch (error) {
    return (error as Error).message;
  }
}

/** @throws Error when the native engine was asked for and cannot be loaded */
export async function chooseEngine(
  wanted: 'auto' | 'native' | 'portable',
  options: EngineOptions,
): Promise<ChosenEngine> {
  if (wanted === 'portable') return portable(options, 'it was asked for');
  const native = await importNative();
  if (typeof native === 'string') {
    if (wanted === 'native') throw new Error(`the native engine cannot be loaded: ${native}`);
    return portable(options, `the native engine cannot be loaded (${native}); it is slower and has one thread`);
  }
  const engine = native.openNativeEngine(options);
  return {
    engine,
    handle: engine.handle,
    reason: wanted === 'native' ? 'it was asked for' : 'its addon could be loaded',
  };
}

/** Attaches a thread to the engine that another thread of the process opened. */
export async function attachEngine(handle: number): Promise<ServingEngine> {
  const native = await importNative();
  if (typeof native === 'string') throw new Error(`the native engine cannot be loaded: ${native}`);
  return native.attachNativeEngine(handle);
}

function portable(options: EngineOptions, reason: string): ChosenEngine {
  return { engine: openPortableEngine(options), handle: undefined, reason };
}
