// Has Node load the addon that was built with the address sanitizer (make -C native/test asan-addon) in the place of the usual one:
//
//   LD_PRELOAD=$(g++ -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 \
//   RAZIEL_ASAN_ADDON=native/build/test/asan/raziel.node node --require ./native/test/asan-preload.cjs dist/main.js serve

'use strict';

const { resolve } = require('node:path');

const addon = resolve(process.env.RAZIEL_ASAN_ADDON);
const loader = require.resolve('node-gyp-build');
require(loader);
require.cache[loader].exports = () => require(addon);
