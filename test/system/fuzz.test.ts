// Mutated requests of every kind against the real server: no crash, no hang, no 500, and afterwards it holds what the oracle does. Bounded here;
// by hand for as long as one likes, and again with the seed of a failure:
//
//   RAZIEL_FUZZ_SECONDS=600 RAZIEL_FUZZ_SEED=$RANDOM npx vitest run test/system/fuzz.test.ts
//
// and under the address sanitizer:
//
//   make -C native/test -j2 asan-addon
//   RAZIEL_ASAN_ADDON=$PWD/native/build/test/asan/raziel.node npx vitest run test/system/fuzz.test.ts -t sanitizer

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type BootedServer, bootServer } from '../support/booted-server.ts';
import { ENGINE_OPTIONS } from '../support/fuzz/model.ts';
import { FuzzSession } from '../support/fuzz/session.ts';

/** The addon, built with the address sanitizer; .ci/run has it built. Without it that test is skipped. */
const ASAN_ADDON = process.env['RAZIEL_ASAN_ADDON'];
const SECONDS = Number(process.env['RAZIEL_FUZZ_SECONDS'] ?? 6);
const SEED = Number(process.env['RAZIEL_FUZZ_SEED'] ?? 20_260_923);

const TIMEOUT_MS = 60_000 + 2_000 * SECONDS;

let server: BootedServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function fuzz(name: string, engine: string): Promise<void> {
  const limits = [
    '--drivers-max',
    String(ENGINE_OPTIONS.driversMax),
    '--ttl',
    String(ENGINE_OPTIONS.ttlSecondsDefault),
  ];
  server = await bootServer('--engine', engine, '--log-level', 'error', '--body-seconds', '1', ...limits);
  const counts = await new FuzzSession(server, SEED).run(SECONDS * 1_000);
  console.log(`${name}, seed ${SEED}:`, JSON.stringify(counts));
  expect(counts.frames).toBeGreaterThan(100);
  expect(counts.drivers).toBeGreaterThan(10);
  expect(await server.stop()).toBe(0);
}

test.each(['native', 'portable'])(
  `the %s engine takes ${SECONDS} s of mutated requests (seed ${SEED})`,
  { timeout: TIMEOUT_MS },
  (engine) => fuzz(engine, engine),
);

test.runIf(ASAN_ADDON !== undefined)(
  `the native engine under the address sanitizer takes ${SECONDS} s of mutated requests (seed ${SEED})`,
  { timeout: TIMEOUT_MS },
  async () => {
    const library = execFileSync('g++', ['-print-file-name=libasan.so']).toString().trim();
    const preload = fileURLToPath(new URL('../../native/test/asan-preload.cjs', import.meta.url));
    process.env['LD_PRELOAD'] = library;
    process.env['ASAN_OPTIONS'] = 'detect_leaks=0';
    process.env['NODE_OPTIONS'] = `--require ${preload}`;
    try {
      await fuzz('address sanitizer', 'native');
    } finally {
      for (const name of ['LD_PRELOAD', 'ASAN_OPTIONS', 'NODE_OPTIONS']) delete process.env[name];
    }
  },
);
