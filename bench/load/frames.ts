// Requests as whole WebSocket frames, written beforehand one behind the other, so that any number of them is sent by one write.
//
// They are masked, as clients' frames must be, with the key 0, which leaves the bytes as they are: the server unmasks them like any others,
// and the time of a fix can be brought up to date in the frame.

import { pack } from 'msgpackr';
import { BATCH_HEAD_BYTES, ROW_BYTES_MAX, RowWriter } from '../lib/rows.ts';
import type { World } from '../lib/world.ts';

export const BATCH_FIXES = 100;
/** Connections that send fixes. */
export const LANES = 20;
const NEAREST_REQUESTS = 20_000;
const LAP_SECONDS = 4;
const FRAME_HEAD_BYTES = 8;
const BINARY_FINAL = 0x82;
const MASKED = 0x80;
const UINT_32 = 0xce;

export interface Frames {
  /** The next frames, as one piece: as many as are asked for, or fewer at the end of the pool. */
  readonly taken: Uint8Array;
  readonly count: number;
}

/** Writes a head with a length of two bytes, which any length below 65,536 may have here. */
function writeHead(bytes: Uint8Array, at: number, payloadBytes: number): void {
  if (payloadBytes < 126 || payloadBytes > 65_535)
    throw new Error(`a frame of ${payloadBytes} bytes needs another head`);
  bytes.set([BINARY_FINAL, MASKED | 126, payloadBytes >> 8, payloadBytes & 255, 0, 0, 0, 0], at);
}

function writeShortHead(bytes: Uint8Array, at: number, payloadBytes: number): void {
  if (payloadBytes > 125) throw new Error(`a frame of ${payloadBytes} bytes needs another head`);
  bytes.set([BINARY_FINAL, MASKED | payloadBytes, 0, 0, 0, 0], at);
}

class FramePool {
  readonly #bytes: Uint8Array;
  /** Where each frame begins, and the end of the last. */
  readonly #starts: Uint32Array;
  readonly count: number;

  constructor(bytes: Uint8Array, starts: Uint32Array) {
    this.#bytes = bytes;
    this.#starts = starts;
    this.count = starts.length - 1;
  }

  slice(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[from] as number, this.#starts[to] as number);
  }
}

/** Small requests, sent over and over. */
class RequestFrames {
  readonly #pool: FramePool;
  #next = 0;

  constructor(payloads: readonly Uint8Array[]) {
    const bytes = new Uint8Array(payloads.reduce((sum, payload) => sum + FRAME_HEAD_BYTES + payload.length, 0));
    const starts = new Uint32Array(payloads.length + 1);
    let at = 0;
    payloads.forEach((payload, i) => {
      starts[i] = at;
      const headBytes = payload.length > 125 ? FRAME_HEAD_BYTES : 6;
      if (headBytes === 6) writeShortHead(bytes, at, payload.length);
      else writeHead(bytes, at, payload.length);
      bytes.set(payload, at + headBytes);
      at += headBytes + payload.length;
    });
    starts[payloads.length] = at;
    this.#pool = new FramePool(bytes, starts);
  }

  take(count: number): Frames {
    const from = this.#next;
    const to = Math.min(from + count, this.#pool.count);
    this.#next = to === this.#pool.count ? 0 : to;
    return { taken: this.#pool.slice(from, to), count: to - from };
  }

  /** The payload of each of the first requests. */
  payloads(count: number): Uint8Array[] {
    return Array.from({ length: count }, (_, i) => {
      const frame = this.#pool.slice(i, i + 1);
      return frame.subarray(((frame[1] as number) & 127) === 126 ? FRAME_HEAD_BYTES : 6);
    });
  }
}

/** Requests for the nearest ten at places where drivers are. */
export class NearestFrames extends RequestFrames {
  constructor(world: World) {
    super(
      Array.from({ length: NEAREST_REQUESTS }, (_, ref) => {
        const [lat, lon] = world.placeToAsk();
        return pack({ op: 'nearest', ref, lat, lon, k: 10, radius: 5_000 });
      }),
    );
  }
}

/**
 * Pickups for nearest-driver.search: the ten of each kind of driver that are there first, with the fare of a trip of some kilometres.
 * @param kinds tags, of which each driver has one
 */
export class PickupFrames extends RequestFrames {
  constructor(world: World, kinds: readonly string[]) {
    const groups = kinds.map((kind) => [kind]);
    super(
      Array.from({ length: NEAREST_REQUESTS }, (_, ref) => {
        const [lat, lon] = world.placeToAsk();
        const trip = { toLat: lat + 0.03, toLon: lon };
        return pack({ op: 'nearest', ref, lat, lon, k: 10, radius: 5_000, rank: 'eta', fare: true, ...trip, groups });
      }),
    );
  }
}

/** Requests for the zones at points: lat, lon, lat, lon, … */
export class ZonesAtFrames extends RequestFrames {
  constructor(points: Float64Array) {
    super(
      Array.from({ length: points.length / 2 }, (_, ref) =>
        pack({ op: 'zonesAt', ref, lat: points[2 * ref], lon: points[2 * ref + 1] }),
      ),
    );
  }
}

/**
 * Batches of fixes. Every connection has drivers of its own (its lane), whose fixes therefore stay in order. In a lap of a lane each of its
 * drivers sends one fix, in an order of the lap's own; laps are played to and fro, so that drivers only ever drive.
 */
export class LocationFrames {
  readonly #pool: FramePool;
  readonly #writer: RowWriter;
  /** Where the times stand, for each fix. */
  readonly #timeAt: Uint32Array;
  readonly #laps: number;
  readonly #lanes = Array.from({ length: LANES }, () => ({ lap: 0, direction: 1, next: 0 }));
  readonly batchesPerLane: number;
  /** Batches taken so far. */
  sent = 0;

  /**
   * @param ack as a request asks for; the default when undefined
   * @param tags each driver has one of them; none when there are none
   */
  constructor(world: World, laps: number, ack: 'durable' | undefined, tags: readonly string[] = []) {
    if (world.drivers % (LANES * BATCH_FIXES) !== 0)
      throw new Error(`drivers come in ${LANES} lanes of batches of ${BATCH_FIXES}`);
    this.#laps = laps;
    this.batchesPerLane = world.drivers / (LANES * BATCH_FIXES);
    const batches = laps * LANES * this.batchesPerLane;
    const envelope = envelopeOf(ack);
    const frameBytesMax = FRAME_HEAD_BYTES + envelope.length + BATCH_HEAD_BYTES + BATCH_FIXES * ROW_BYTES_MAX;
    const writer = new RowWriter(new Uint8Array(batches * frameBytesMax), 4, tags);
    const starts = new Uint32Array(batches + 1);
    this.#timeAt = new Uint32Array(batches * BATCH_FIXES);
    const lanes = Array.from({ length: LANES }, (_, lane) => driversOfLane(world, lane));
    for (let lap = 0, batch = 0; lap < laps; lap++) {
      if (lap > 0) for (let driver = 0; driver < world.drivers; driver++) world.move(driver, LAP_SECONDS);
      for (const drivers of lanes) {
        world.shuffle(drivers);
        for (let from = 0; from < drivers.length; from += BATCH_FIXES, batch++) {
          starts[batch] = writer.at;
          writer.at += FRAME_HEAD_BYTES;
          writeEnvelope(writer, envelope, batch);
          for (let i = 0; i < BATCH_FIXES; i++) {
            this.#timeAt[batch * BATCH_FIXES + i] = writer.row(world, drivers[from + i] as number, 0);
          }
          const start = starts[batch] as number;
          writeHead(writer.bytes, start, writer.at - start - FRAME_HEAD_BYTES);
        }
      }
    }
    starts[batches] = writer.at;
    this.#writer = writer;
    this.#pool = new FramePool(writer.bytes, starts);
  }

  /** Their fixes have the time of this moment. */
  take(count: number, lane: number): Frames {
    const state = this.#lanes[lane] as { lap: number; direction: number; next: number };
    const start = (state.lap * LANES + lane) * this.batchesPerLane;
    const from = start + state.next;
    const to = start + Math.min(state.next + count, this.batchesPerLane);
    this.sent += to - from;
    const nowMs = Date.now();
    for (let fix = from * BATCH_FIXES; fix < to * BATCH_FIXES; fix++) {
      this.#writer.setTime(this.#timeAt[fix] as number, nowMs);
    }
    state.next = to - start;
    if (state.next === this.batchesPerLane) {
      state.next = 0;
      const isAtEnd = state.lap + state.direction < 0 || state.lap + state.direction >= this.#laps;
      if (isAtEnd) state.direction = -state.direction;
      if (this.#laps > 1) state.lap += state.direction;
    }
    return { taken: this.#pool.slice(from, to), count: to - from };
  }
}

/** A lane's drivers are spread over all cities. */
function driversOfLane(world: World, lane: number): Uint32Array {
  return Uint32Array.from({ length: world.drivers / LANES }, (_, i) => i * LANES + lane);
}

/** A locations request up to its batch, with a ref of four bytes. */
function envelopeOf(ack: 'durable' | undefined): Buffer {
  const whole = pack({ op: 'locations', ref: 0xffff_ffff, ...(ack === undefined ? {} : { ack }), batch: [] });
  return whole.subarray(0, -1);
}

function writeEnvelope(writer: RowWriter, envelope: Buffer, ref: number): void {
  writer.bytes.set(envelope, writer.at);
  const refAt = writer.at + envelope.indexOf(UINT_32) + 1;
  new DataView(writer.bytes.buffer).setUint32(refAt, ref);
  writer.at += envelope.length;
  writer.batchHead(BATCH_FIXES);
}
