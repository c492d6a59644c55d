// Builds the native engine when the package is installed (the `install` script of package.json).
//
// In this order: what was built here before, if it is newer than the sources (npm runs this again for `npx raziel` in a clone); a
// prebuilt binary (prebuildify puts it in native/prebuilds); a build with node-gyp. The first two must load.
// The build needs no internet when the Node that runs has its headers beside it (<prefix>/include/node). Without a compiler
// or Python the install still succeeds: the server then runs on the portable engine, and says so when it starts.
//
//   node native/install.mjs             as npm runs it
//   node native/install.mjs --force     build even if a binary is there, and fail when the build does
//   node native/install.mjs --prebuild  build a binary to ship, into native/prebuilds (prebuildify, which only developers have)

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const nativeDir = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const force = process.argv.includes('--force');
/** A compiler takes some hundred megabytes, so not one for each of many cores. */
const JOBS_MAX = 4;

if (process.argv.includes('--prebuild')) process.exit(prebuild());
if (!force && (isBuilt() || existsSync(join(nativeDir, 'prebuilds'))) && loads()) process.exit(0);

const build = run(require.resolve('node-gyp/bin/node-gyp.js'), ['rebuild', '--directory', nativeDir]);
if (build.status !== 0) {
  console.error(
    'raziel: the native engine was not built (it needs a C++20 compiler, make and Python 3). ' +
      'The server will run on the portable engine, which is slower and uses one thread. ' +
      'To try again: npm rebuild raziel (in a clone of the project: npm run build:native)',
  );
  if (force) process.exit(1);
}

/** Runs a script of node-gyp's kind, with the headers that lie beside the running Node when they do (it downloads them otherwise). */
function run(script, args) {
  const prefix = dirname(dirname(process.execPath));
  const nodedir = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? { npm_config_nodedir: prefix } : {};
  const jobs = String(Math.min(JOBS_MAX, availableParallelism()));
  return spawnSync(process.execPath, [script, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { JOBS: jobs, ...process.env, ...nodedir },
  });
}

/** @returns the exit code */
function prebuild() {
  const flags = ['--cwd', nativeDir, '--napi', '--strip', '--tag-libc', '--name', 'raziel'];
  return run(require.resolve('prebuildify/bin.js'), [...flags, '--target', process.versions.node]).status ?? 1;
}

/** Whether there is a build that is newer than everything it is made of. */
function isBuilt() {
  const built = join(nativeDir, 'build', 'Release', 'raziel.node');
  if (!existsSync(built)) return false;
  const sources = readdirSync(join(nativeDir, 'src'), { recursive: true }).map((name) => join('src', name));
  const builtAt = statSync(built).mtimeMs;
  return ['binding.gyp', ...sources].every((name) => statSync(join(nativeDir, name)).mtimeMs < builtAt);
}

function loads() {
  try {
    require('node-gyp-build')(nativeDir);
    return true;
  } catch {
    return false;
  }
}
