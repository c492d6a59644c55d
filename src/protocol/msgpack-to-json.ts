// Answers of MessagePack rewritten as JSON text, a slice at a time: an answer of megabytes, decoded and encoded in one go, would hold its
// thread for a tenth of a second and more.
//
//   const rewriting = new MessagePackToJson(bytes);
//   while (!rewriting.run(performance.now() + 2)) await nextTurn();
//   send(rewriting.text);
//
// The bytes are the server's own: one whole value of maps with string keys, lists, strings, numbers, booleans and nil, which is all that answers
// are made of. The text is what JSON.stringify makes of the decoded value, but that members stay in their order.

const INITIAL_BYTES = 64 * 1024;
/** Values between two looks at the clock: some ten microseconds. */
const VALUES_PER_LOOK = 64;

const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NULL = Buffer.from('null');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');

/** A list or map that is being written. */
interface Open {
  readonly isMap: boolean;
  /** Values still to come; of a map its keys count, too. */
  left: number;
  isFirst: boolean;
}

export class MessagePackToJson {
  readonly #from: Buffer;
  readonly #view: DataView;
  #at = 0;
  #to: Buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;
  readonly #open: Open[] = [];
  #isDone = false;

  constructor(bytes: Uint8Array) {
    this.#from = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The JSON as UTF-8; whole once `run` has returned true. */
  get text(): Uint8Array {
    return this.#to.subarray(0, this.#length);
  }

  /** Goes on until the deadline (of performance.now()) or the end; whether it is the end. */
  run(deadline: number): boolean {
    while (!this.#isDone) {
      for (let i = 0; i < VALUES_PER_LOOK && !this.#isDone; i++) this.#step();
      if (performance.now() >= deadline) break;
    }
    return this.#isDone;
  }

  /** Writes the next value, or closes what has no more. */
  #step(): void {
    const top = this.#open[this.#open.length - 1];
    if (top !== undefined) {
      if (top.left === 0) {
        this.#byte(top.isMap ? 0x7d : 0x5d);
        this.#open.pop();
        this.#isDone = this.#open.length === 0;
        return;
      }
      const isValueOfMap = top.isMap && top.left % 2 === 1;
      if (isValueOfMap) this.#byte(COLON);
      else if (top.isFirst) top.isFirst = false;
      else this.#byte(COMMA);
      top.left--;
    }
    this.#value();
    this.#isDone = this.#open.length === 0;
  }

  #value(): void {
    const type = this.#from[this.#at++] as number;
    if (type <= 0x7f) this.#ascii(String(type));
    else if (type <= 0x8f) this.#begin(true, 2 * (type & 0x0f));
    else if (type <= 0x9f) this.#begin(false, type & 0x0f);
    else if (type <= 0xbf) this.#string(type & 0x1f);
    else if (type >= 0xe0) this.#ascii(String(type - 0x100));
    else this.#longValue(type);
  }

  #longValue(type: number): void {
    const view = this.#view;
    const at = this.#at;
    switch (type) {
      case 0xc0:
        return this.#raw(NULL);
      case 0xc2:
        return this.#raw(FALSE);
      case 0xc3:
        return this.#raw(TRUE);
      case 0xca:
        return this.#number(view.getFloat32(at), 4);
      case 0xcb:
        return this.#number(view.getFloat64(at), 8);
      case 0xcc:
        return this.#number(view.getUint8(at), 1);
      case 0xcd:
        return this.#number(view.getUint16(at), 2);
      case 0xce:
        return this.#number(view.getUint32(at), 4);
      case 0xcf:
        return this.#number(view.getBigUint64(at), 8);
      case 0xd0:
        return this.#number(view.getInt8(at), 1);
      case 0xd1:
        return this.#number(view.getInt16(at), 2);
      case 0xd2:
        return this.#number(view.getInt32(at), 4);
      case 0xd3:
        return this.#number(view.getBigInt64(at), 8);
      case 0xd9:
        return this.#string(this.#size(1));
      case 0xda:
        return this.#string(this.#size(2));
      case 0xdb:
        return this.#string(this.#size(4));
      case 0xdc:
        return this.#begin(false, this.#size(2));
      case 0xdd:
        return this.#begin(false, this.#size(4));
      case 0xde:
        return this.#begin(true, 2 * this.#size(2));
      case 0xdf:
        return this.#begin(true, 2 * this.#size(4));
      default:
        throw new Error(`an answer holds MessagePack of type 0x${type.toString(16)}, which no JSON has`);
    }
  }

  #size(bytes: number): number {
    const size = this.#from.readUIntBE(this.#at, bytes);
    this.#at += bytes;
    return size;
  }

  #begin(isMap: boolean, left: number): void {
    this.#byte(isMap ? 0x7b : 0x5b);
    this.#open.push({ isMap, left, isFirst: true });
  }

  #number(value: number | bigint, bytes: number): void {
    this.#at += bytes;
    if (typeof value === 'number' && !Number.isFinite(value)) this.#raw(NULL);
    else this.#ascii(Object.is(value, -0) ? '0' : String(value));
  }

  #string(bytes: number): void {
    const start = this.#at;
    const end = start + bytes;
    this.#at = end;
    const from = this.#from;
    this.#reserve(bytes + 2);
    const to = this.#to;
    let length = this.#length;
    to[length++] = QUOTE;
    for (let i = start; i < end; i++) {
      const byte = from[i] as number;
      if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH || byte === 0x7f) {
        // Rare: what JSON escapes.
        this.#raw(Buffer.from(JSON.stringify(from.toString('utf8', start, end))));
        return;
      }
      to[length++] = byte;
    }
    to[length++] = QUOTE;
    this.#length = length;
  }

  #ascii(text: string): void {
    this.#reserve(text.length);
    this.#length += this.#to.write(text, this.#length, 'latin1');
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#to.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#to[this.#length++] = byte;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#to.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#to.length, this.#length + bytes));
    this.#to.copy(larger, 0, 0, this.#length);
    this.#to = larger;
  }
}
