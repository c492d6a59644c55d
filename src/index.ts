// The public face of the package, for those who run Raziel inside a process of their own:
//
//   import { readConfig, startServer } from 'raziel';
//   const server = await startServer(readConfig({ port: 0 }));
//
// The client is in `raziel/client`, which loads nothing of the server.

export { type Config } from './config.ts';
export { ConfigError } from './config-file.ts';
export { readConfig } from './config-sources.ts';
export { type ErrorCode, FIX_CODES, type FixCode, RazielError, STATUS_OF_CODE } from './errors.ts';
export { type RunningServer, startServer } from './server.ts';
