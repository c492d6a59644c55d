// A WebSocket frame that asks for the zones at one point, read by hand: decoding it into an object would take longer than looking it up.
//
// Anything that is not plain and valid (another op, a field that it does not know, points, a number out of range, a name that is not ASCII)
// is left to the long way round (frames.ts), which says what is wrong with it.

const OP = 0;
const REF = 1;
const LAT = 2;
const LON = 3;
const LAYER = 4;
const ALL_BUT_REF_AND_LAYER = (1 << OP) | (1 << LAT) | (1 << LON);

/** Frames larger than this are not looked at. */
export const HOT_BYTES_MAX = 256;

export class HotZonesAt {
  lat = 0;
  lon = 0;
  layer: string | undefined;
  /** The ref as the MessagePack that came; undefined when there is none. */
  ref: Uint8Array | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  readonly #float = new DataView(new ArrayBuffer(8));
  /** Of the last number read. */
  #value = 0;
  #lastLayer = '';
  #lastLayerBytes: Uint8Array = new Uint8Array(0);

  /** Whether the frame is such a one; then the fields are its own until the next call. */
  read(bytes: Uint8Array): boolean {
    const head = bytes[0] as number;
    // msgpackr writes any map with a size of two bytes unless it is told otherwise.
    const isLong = head === 0xde && bytes[1] === 0;
    const count = isLong ? (bytes[2] as number) : head - 0x80;
    if (!(count >= 3 && count <= 5)) return false;
    this.#bytes = bytes;
    this.ref = undefined;
    this.layer = undefined;
    let seen = 0;
    let at = isLong ? 3 : 1;
    for (let field = count; field > 0; field--) {
      const name = this.#name(at);
      if (name < 0 || (seen & (1 << name)) !== 0) return false;
      seen |= 1 << name;
      at += 1 + ((bytes[at] as number) & 0x1f);
      if (name === LAT || name === LON) {
        at = this.#number(at);
        const value = this.#value;
        const bound = name === LAT ? 90 : 180;
        // NaN is refused here as well.
        if (at < 0 || !(value >= -bound && value <= bound)) return false;
        if (name === LAT) this.lat = value;
        else this.lon = value;
      } else {
        const end = name === REF ? this.#ref(at) : this.#text(at);
        if (end < 0) return false;
        if (name === OP && !this.#isZonesAt(at)) return false;
        if (name === REF) this.ref = bytes.subarray(at, end);
        if (name === LAYER) this.layer = this.#layerAt(at + 1, end);
        at = end;
      }
    }
    return at === bytes.length && (seen & ALL_BUT_REF_AND_LAYER) === ALL_BUT_REF_AND_LAYER;
  }

  #name(at: number): number {
    const bytes = this.#bytes;
    const a = bytes[at + 1];
    const b = bytes[at + 2];
    const c = bytes[at + 3];
    switch (bytes[at]) {
      case 0xa2:
        return a === 0x6f && b === 0x70 ? OP : -1;
      case 0xa3:
        if (a === 0x72 && b === 0x65 && c === 0x66) return REF;
        if (a === 0x6c && b === 0x61 && c === 0x74) return LAT;
        return a === 0x6c && b === 0x6f && c === 0x6e ? LON : -1;
      case 0xa5:
        return a === 0x6c && b === 0x61 && c === 0x79 && bytes[at + 4] === 0x65 && bytes[at + 5] === 0x72 ? LAYER : -1;
      default:
        return -1;
    }
  }

  #isZonesAt(at: number): boolean {
    const bytes = this.#bytes;
    return (
      bytes[at] === 0xa7 &&
      bytes[at + 1] === 0x7a &&
      bytes[at + 2] === 0x6f &&
      bytes[at + 3] === 0x6e &&
      bytes[at + 4] === 0x65 &&
      bytes[at + 5] === 0x73 &&
      bytes[at + 6] === 0x41 &&
      bytes[at + 7] === 0x74
    );
  }

  /** Reads a number into `#value`; returns the offset behind it, or −1. */
  #number(at: number): number {
    const bytes = this.#bytes;
    const head = bytes[at] as number;
    if (head === 0xcb) {
      if (at + 9 > bytes.length) return -1;
      for (let i = 0; i < 8; i++) this.#float.setUint8(i, bytes[at + 1 + i] as number);
      this.#value = this.#float.getFloat64(0);
      return at + 9;
    }
    if (head === 0xca) {
      if (at + 5 > bytes.length) return -1;
      for (let i = 0; i < 4; i++) this.#float.setUint8(i, bytes[at + 1 + i] as number);
      this.#value = this.#float.getFloat32(0);
      return at + 5;
    }
    if (head <= 0x7f || head >= 0xe0) {
      this.#value = head <= 0x7f ? head : head - 256;
      return at + 1;
    }
    if ((head === 0xcc || head === 0xd0) && at + 2 <= bytes.length) {
      const byte = bytes[at + 1] as number;
      this.#value = head === 0xd0 && byte > 127 ? byte - 256 : byte;
      return at + 2;
    }
    if (head === 0xd1 && at + 3 <= bytes.length) {
      this.#value = (((bytes[at + 1] as number) << 24) >> 16) | (bytes[at + 2] as number);
      return at + 3;
    }
    return -1;
  }

  /** The offset behind a short text of ASCII, or −1. */
  #text(at: number): number {
    const bytes = this.#bytes;
    const head = bytes[at] as number;
    if (head < 0xa0 || head > 0xbf) return -1;
    const end = at + 1 + (head & 0x1f);
    if (end > bytes.length) return -1;
    for (let i = at + 1; i < end; i++) if ((bytes[i] as number) > 0x7f) return -1;
    return end;
  }

  /** The offset behind a whole number or a short text, or −1. */
  #ref(at: number): number {
    const head = this.#bytes[at] as number;
    if (head <= 0x7f) return at + 1;
    const size = head === 0xcc ? 1 : head === 0xcd ? 2 : head === 0xce ? 4 : 0;
    if (size === 0) return this.#text(at);
    return at + 1 + size <= this.#bytes.length ? at + 1 + size : -1;
  }

  /** Most clients ask for one layer, over and over. */
  #layerAt(start: number, end: number): string {
    const bytes = this.#bytes;
    const last = this.#lastLayerBytes;
    let isSame = last.length === end - start && last.length > 0;
    for (let i = 0; isSame && i < last.length; i++) isSame = last[i] === bytes[start + i];
    if (!isSame) {
      this.#lastLayerBytes = bytes.slice(start, end);
      this.#lastLayer = Buffer.from(this.#lastLayerBytes).toString('latin1');
    }
    return this.#lastLayer;
  }
}
