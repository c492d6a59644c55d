// Counts WebSocket frames in a stream of bytes, looking at nothing but their heads: what a client can do at least. Servers' frames are
// not masked. Answers are counted when their last byte has come; pings are left out; a close frame is an error.

const OPCODE = 0x0f;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const LENGTH = 0x7f;
const HEAD_BYTES_MAX = 10;

export class FrameCounter {
  /** Bytes of the frame under way that are still to come. */
  #left = 0;
  #isAnswer = false;
  /** A head that was cut by the end of a chunk. */
  readonly #head = new Uint8Array(HEAD_BYTES_MAX);
  #headBytes = 0;
  /** Bytes of the answers' payloads so far. */
  payloadBytes = 0;

  /** Takes the first `size` bytes of a chunk; returns how many answers ended in it. */
  take(chunk: Uint8Array, size: number): number {
    let answers = 0;
    let at = 0;
    for (;;) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, size - at);
        this.#left -= taken;
        at += taken;
        if (this.#left > 0) return answers;
        if (this.#isAnswer) answers++;
      }
      if (at === size) return answers;
      if (this.#headBytes === 0 && size - at >= HEAD_BYTES_MAX) {
        at += this.#open(chunk, at);
      } else {
        this.#head[this.#headBytes++] = chunk[at++] as number;
        if (this.#headBytes < 2 || this.#headBytes < headBytes(this.#head, 0)) continue;
        this.#headBytes = 0;
        this.#open(this.#head, 0);
      }
      if (this.#left === 0 && this.#isAnswer) answers++;
    }
  }

  /** Reads a whole head; returns its length. */
  #open(bytes: Uint8Array, at: number): number {
    const opcode = (bytes[at] as number) & OPCODE;
    if (opcode === CLOSE) throw new Error('the server closed the connection');
    this.#isAnswer = opcode === BINARY || opcode === TEXT;
    const size = headBytes(bytes, at);
    const short = (bytes[at + 1] as number) & LENGTH;
    let length = size === 2 ? short : 0;
    for (let i = 2; i < size; i++) length = length * 256 + (bytes[at + i] as number);
    this.#left = length;
    if (this.#isAnswer) this.payloadBytes += length;
    return size;
  }
}

function headBytes(bytes: Uint8Array, at: number): number {
  const length = (bytes[at + 1] as number) & LENGTH;
  return length < 126 ? 2 : length === 126 ? 4 : 10;
}
