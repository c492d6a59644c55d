// A WebSocket client that does as little as one can: it sends frames that were written beforehand and counts the answers. A library's
// client decodes, copies and calls back for every message, and would be slower than the server that it is to load.

import { connect, type Socket } from 'node:net';
import { FrameCounter } from './frame-counter.ts';

const READ_BYTES = 256 * 1024;
/** What opens a WebSocket. */
export const HANDSHAKE = [
  'GET /v1/ws HTTP/1.1',
  'Host: 127.0.0.1',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  '\r\n',
].join('\r\n');

/** Called with the number of answers that have come. */
type OnAnswers = (answers: number) => void;

export class RawSocket {
  readonly #socket: Socket;
  readonly #counter = new FrameCounter();
  #handshake = '';
  #isOpen = false;
  #isEnding = false;
  #onOpen: () => void = () => {};
  #onFailure: (error: Error) => void;
  onAnswers: OnAnswers = () => {};

  private constructor(port: number, onFailure: (error: Error) => void) {
    this.#onFailure = onFailure;
    const buffer = new Uint8Array(READ_BYTES);
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer,
        callback: (size) => {
          this.#read(buffer, size);
          return true;
        },
      },
    });
    this.#socket.on('connect', () => this.#socket.write(HANDSHAKE));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server ended the connection')));
  }

  /** @param onFailure told of an error after the connection is open */
  static open(port: number, onFailure: (error: Error) => void): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = new RawSocket(port, reject);
      socket.#onOpen = () => {
        socket.#onFailure = onFailure;
        resolve(socket);
      };
    });
  }

  /** Bytes of the answers' payloads so far. */
  get payloadBytes(): number {
    return this.#counter.payloadBytes;
  }

  /** Sends whole frames; the bytes must stay as they are until they are answered. */
  send(frames: Uint8Array): void {
    this.#socket.write(frames);
  }

  end(): void {
    this.#isEnding = true;
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    if (this.#isEnding) return;
    this.end();
    this.#onFailure(error);
  }

  #read(chunk: Uint8Array, size: number): void {
    if (!this.#isOpen) {
      this.#readHandshake(chunk.subarray(0, size));
      return;
    }
    let answers: number;
    try {
      answers = this.#counter.take(chunk, size);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    if (answers > 0) this.onAnswers(answers);
  }

  /** The server sends nothing of its own accord behind the handshake. */
  #readHandshake(chunk: Uint8Array): void {
    this.#handshake += Buffer.from(chunk).toString('latin1');
    if (!this.#handshake.endsWith('\r\n\r\n')) return;
    if (!this.#handshake.startsWith('HTTP/1.1 101 ')) {
      this.#fail(new Error(`the server refused the WebSocket: ${this.#handshake.split('\r\n')[0]}`));
      return;
    }
    this.#isOpen = true;
    this.#onOpen();
  }
}

/** Opens that many connections; `failed` rejects when one of them breaks. */
export async function openAll(port: number, count: number): Promise<{ sockets: RawSocket[]; failed: Promise<never> }> {
  let onFailure: ((error: Error) => void) | undefined;
  const failed = new Promise<never>((_, reject) => {
    onFailure = reject;
  });
  failed.catch(() => {});
  const sockets = await Promise.all(
    Array.from({ length: count }, () => RawSocket.open(port, (error) => onFailure?.(error))),
  );
  return { sockets, failed };
}
