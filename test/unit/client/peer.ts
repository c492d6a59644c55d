// A small WebSocket peer that speaks the protocol's framing, so that the client is tested against whatever a server, or a
// network, can do: answer late, in another order, not at all, or end the connection in the middle.

import { type AddressInfo } from 'node:net';
import { Packr, Unpackr } from 'msgpackr';
import { type WebSocket, WebSocketServer } from 'ws';

export type Wire = Record<string, any>;
export type Answer = (request: Wire, socket: PeerSocket) => void;

interface PeerSocket {
  reply(answer: Wire): void;
  close(code?: number): void;
  /** Ends the connection without a closing handshake. */
  kill(): void;
}

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

export class Peer {
  readonly received: Wire[] = [];
  sockets: WebSocket[] = [];
  #server: WebSocketServer | undefined;
  #waiters: (() => void)[] = [];
  answer: Answer;
  port = 0;

  constructor(answer: Answer) {
    this.answer = answer;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/v1/ws`;
  }

  async start(): Promise<this> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: this.port });
    this.#server = server;
    server.on('connection', (socket) => {
      this.sockets.push(socket);
      socket.on('message', (data: Buffer) => {
        const request = unpackr.unpack(data) as Wire;
        this.received.push(request);
        this.answer(request, {
          reply: (answer) => socket.send(packr.pack(answer)),
          close: (code) => socket.close(code),
          kill: () => socket.terminate(),
        });
        for (const wake of this.#waiters.splice(0)) wake();
      });
      for (const wake of this.#waiters.splice(0)) wake();
    });
    await new Promise((resolve) => server.once('listening', resolve));
    this.port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Ends every connection and listens no more; `start` brings it back on the same port. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.sockets.splice(0)) socket.terminate();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  /** Resolves once `condition` holds; looked at after each message and connection. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((wake) => this.#waiters.push(wake));
  }
}

/** Answers as a server with nothing in it would. */
export const plainly: Answer = (request, socket) => {
  const { ref } = request;
  if (request.op === 'ping') socket.reply({ ref, time: 1_411_000_000_000 });
  else if (request.op === 'remove') socket.reply({ ref, removed: true });
  else if (request.op === 'locations') {
    if (request.ack !== 'none')
      socket.reply({ ref, accepted: request.batch.length, stale: 0, duplicate: 0, rejected: [] });
  } else socket.reply({ ref, drivers: [], tookMicros: 1 });
};

export const silently: Answer = () => {};
