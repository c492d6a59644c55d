// Clients that misbehave, in a process of their own: one kind at a time, from the message that names it to the end of the process. Each goes on at
// a rate that a small client can keep up for ever, and begins anew where the server ends it.

import { connect, type Socket } from 'node:net';
import { pack } from 'msgpackr';
import { WebSocket } from 'ws';
import type { AttackJob, AttackName } from './jobs.ts';
import { HANDSHAKE } from './raw-socket.ts';
import { sleep } from '../lib/sleep.ts';

const MIB = 2 ** 20;
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const ATTACKS: Readonly<Record<AttackName, (job: AttackJob) => Promise<never>>> = {
  /** 400 answers of 100 kB each are asked for, and none is read. */
  slowReaders: ({ port, lat, lon }) =>
    keep(40, async () => {
      const socket = await open(port);
      socket.pause();
      for (let ref = 0; ref < 400 && isOpen(socket); ref++) {
        socket.send(pack({ op: 'nearest', ref, lat, lon, k: 1_000, radius: 50_000 }));
        if (ref % 20 === 19) await sleep(50);
      }
      await sleep(2_000);
      socket.terminate();
    }),

  /** More connections than there may be, a thousand a second. */
  connections: ({ port }) =>
    keep(10, async () => {
      const sockets = range(100).map(() => raw(port));
      await sleep(1_000);
      for (const socket of sockets) socket.destroy();
    }),

  /** Megabytes that are expensive to parse, too large, announced and not sent, or without an end. */
  frames: ({ port }) => {
    const names = `{"op":"ping","x":{${range(90_000).map((i) => `"${i}":0`)}}}`;
    const lists = `{"op":"ping","x":[${'[],'.repeat(MIB / 3 - 100)}[]]}`;
    const deep = `{"op":"ping","x":${'['.repeat(MIB - 1_000)}`;
    return keep(4, async () => {
      for (const frame of [names, lists, deep, 'x'.repeat(MIB + 1_000)]) {
        const socket = await open(port);
        socket.send(frame);
        await sleep(100);
        socket.terminate();
      }
      const endless = raw(port);
      endless.write(HANDSHAKE);
      await sleep(50);
      endless.write(Buffer.from([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
      await sleep(50);
      endless.destroy();
    });
  },

  /** A hundred thousand requests at once, over twenty connections. */
  inFlight: ({ port, lat, lon }) => {
    const requests = Buffer.from(JSON.stringify({ op: 'nearest', ref: 1, lat, lon, k: 1 }));
    return keep(20, async () => {
      const socket = await open(port);
      let answers = 0;
      const all = new Promise<void>((resolve) => {
        socket.on('message', () => {
          if (++answers === 5_000) resolve();
        });
        socket.once('close', () => resolve());
      });
      for (let i = 0; i < 5_000; i++) socket.send(requests, { binary: false });
      await all;
      socket.terminate();
    });
  },

  /** Bodies of which a byte comes now and then. */
  slowloris: ({ port }) =>
    keep(300, async () => {
      const socket = raw(port);
      socket.write('POST /v1/locations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n[');
      for (let i = 0; i < 100 && !socket.destroyed; i++) {
        socket.write(' ');
        await sleep(100);
      }
      socket.destroy();
    }),
};

/** So many clients, each of which begins anew when it is done or was ended. */
async function keep(clients: number, once: () => Promise<void>): Promise<never> {
  await Promise.all(
    range(clients).map(async (client) => {
      // Not all at once.
      await sleep(client * 5);
      for (;;) {
        await once().catch(() => {});
        await sleep(20);
      }
    }),
  );
  throw new Error('clients go on for ever');
}

function open(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`);
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.on('error', reject);
  });
}

function isOpen(socket: WebSocket): boolean {
  return socket.readyState === WebSocket.OPEN;
}

function raw(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  return socket;
}

process.on('message', (job: AttackJob) => {
  void ATTACKS[job.attack](job);
  process.send?.({ begun: true });
});
