// Clients that misbehave below the level of any library: half a request, half a frame, bytes that drip.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export class RawSocket {
  readonly socket: Socket;
  /** All that came, as text. */
  received = '';
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
    });
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  static async connect(port: number): Promise<RawSocket> {
    const raw = new RawSocket(port);
    await Promise.race([once(raw.socket, 'connect'), raw.closed]);
    return raw;
  }

  /** Connects and upgrades to WebSocket; resolves when the server has answered, or has closed the connection. */
  static async upgrade(port: number): Promise<RawSocket> {
    const raw = await RawSocket.connect(port);
    const answered = once(raw.socket, 'data');
    raw.write(
      'GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC==\r\n\r\n',
    );
    await Promise.race([answered, raw.closed]);
    return raw;
  }

  /** Resolves when the kernel has taken the bytes, or the connection is closed. */
  async write(bytes: string | Uint8Array): Promise<void> {
    if (this.socket.destroyed) return;
    await Promise.race([new Promise((resolve) => this.socket.write(bytes, resolve)), this.closed]);
  }

  /** The head of a WebSocket frame of so many bytes, and as many of them as are sent. */
  async writeFrame(announced: number, sent: number, opcode = 2): Promise<void> {
    const head = Buffer.alloc(14);
    head[0] = 0x80 | opcode;
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(announced), 2);
    await this.write(Buffer.concat([head, Buffer.alloc(sent, 0x20)]));
  }

  close(): void {
    this.socket.destroy();
  }
}
