// Spans over UDP: a sender that never waits for anybody, and a listener that believes nobody.

import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { TraceMeters } from '../metrics/trace-meters.ts';
import type { UdpAddress } from './address.ts';
import { DatagramWriter, readDatagram } from './datagram.ts';
import type { Span } from './span.ts';

/** Datagrams that may be on their way into the socket; more are dropped and counted. */
const UNDER_WAY_MAX = 256;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export class SpanSender {
  readonly #socket: Socket;
  readonly #to: UdpAddress;
  readonly #meters: TraceMeters;
  readonly #writer: DatagramWriter;
  #spans = 0;
  #underWay = 0;

  constructor(to: UdpAddress, meters: TraceMeters) {
    this.#to = to;
    this.#meters = meters;
    this.#socket = createSocket(isIPv6(to.host) ? 'udp6' : 'udp4');
    // Whatever fails is told to the callback of `send` too.
    this.#socket.on('error', () => {});
    this.#socket.unref();
    this.#writer = new DatagramWriter((datagram) => this.#send(datagram));
  }

  add(span: Span): void {
    this.#writer.add(span);
    this.#spans++;
  }

  /** The window has ended: sends what there is. */
  flush(): void {
    this.#writer.flush();
  }

  close(): Promise<void> {
    this.flush();
    return new Promise((resolve) => this.#socket.close(resolve));
  }

  #send(datagram: Uint8Array): void {
    const spans = this.#spans;
    this.#spans = 0;
    if (this.#underWay >= UNDER_WAY_MAX) {
      this.#meters.add('sendFailures', spans);
      return;
    }
    this.#underWay++;
    this.#socket.send(datagram, this.#to.port, this.#to.host, (error) => {
      this.#underWay--;
      this.#meters.add(error === null ? 'sent' : 'sendFailures', spans);
    });
  }
}

/** Listens for other servers' spans. @returns the port listened on @throws Error when the address cannot be had */
export async function listenForSpans(
  at: UdpAddress,
  meters: TraceMeters,
  take: (spans: readonly Span[]) => void,
): Promise<{ readonly port: number; close(): void }> {
  const socket = createSocket({ type: isIPv6(at.host) ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(at.port, at.host, resolve);
  });
  socket.removeAllListeners('error');
  socket.on('error', () => meters.add('datagramsIgnored', 1));
  socket.on('message', (bytes) => {
    const spans = readDatagram(bytes);
    if (spans === undefined) {
      meters.add('datagramsIgnored', 1);
      return;
    }
    meters.add('received', spans.length);
    take(spans);
  });
  return { port: socket.address().port, close: () => socket.close() };
}
