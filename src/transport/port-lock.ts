// Keeps a second server off a port whose sockets several threads share.
//
// The kernel lets any sockets of one user that ask for it share a port, in silence: two servers would each get half of the connections.
// One thread therefore listens exclusively. Several cannot, so before they share a port it is listened on exclusively for a moment,
// which fails when anybody else has it, and from before that moment on a lock is held: a local socket of the port's name, which
// the system lets go with the process. (Linux has such sockets without files, Windows has pipes; elsewhere the moment has to do.)

import { createServer, type Server } from 'node:net';
import { closeListening, createApp, listen } from './uws.ts';

export interface PortLock {
  readonly port: number;
  release(): void;
}

/** Finds out the port (0 takes any free one) and locks it; undefined when somebody else has it. */
export async function lockPort(host: string, port: number): Promise<PortLock | undefined> {
  const early = port === 0 ? undefined : await takeName(port);
  if (early === 'taken') return undefined;
  const app = createApp();
  const probe = listen(app, host, port, false);
  if (probe !== undefined) closeListening(probe);
  app.close();
  const lock = early ?? (probe === undefined ? undefined : await takeName(probe.port));
  if (probe === undefined || lock === 'taken') {
    if (early !== undefined) early.close();
    return undefined;
  }
  return { port: probe.port, release: () => lock?.close() };
}

async function takeName(port: number): Promise<Server | undefined | 'taken'> {
  const path = nameOf(port);
  if (path === undefined) return undefined;
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once('error', () => resolve('taken'));
    server.listen({ path }, () => {
      server.unref();
      resolve(server);
    });
  });
}

function nameOf(port: number): string | undefined {
  if (process.platform === 'linux') return `\0raziel-port-${port}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\raziel-port-${port}` : undefined;
}
