// Builds the native engine when the package is installed (the `install` script of package.json).
//
// In this order: a prebuilt binary that loads (prebuildify puts it in native/prebuilds), else a build with node-gyp.
// The build needs no internet when the Node that runs has its headers beside it (<prefix>/include/node). Without a compiler
// or Python the install still succeeds: the server then runs on the portable engine, and says so when it starts.
//
//   node native/install.mjs          as npm runs it
//   node native/install.mjs --force  build even if a binary is there, and fail when the build does

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const nativeDir = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const force = process.argv.includes('--force');

if (!force && prebuiltLoads()) process.exit(0);

const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
const args = [nodeGyp, 'rebuild', '--directory', nativeDir, ...headersBesideNode()];
const build = spawnSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
if (build.status !== 0) {
  console.error(
    'raziel: the native engine was not built (it needs a C++20 compiler, make and Python 3). ' +
      'The server will run on the portable engine, which is slower and uses one thread. ' +
      'To try again: npm run build:native',
  );
  if (force) process.exit(1);
}

function prebuiltLoads() {
  if (!existsSync(join(nativeDir, 'prebuilds'))) return false;
  try {
    require('node-gyp-build')(nativeDir);
    return true;
  } catch {
    return false;
  }
}

/** node-gyp's flag for the headers that lie beside the running Node, or nothing (node-gyp then downloads them). */
function headersBesideNode() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}
