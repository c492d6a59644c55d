// The queue of held frames against a plain list.

import { describe, expect, test } from 'vitest';
import { HeldQueue, REFUSAL_BYTES } from '../../../src/transport/held-queue.ts';
import { seededRandom } from '../../../src/demo/random.ts';

const SIZES = [0, 1, 60, 70, 500, 508, 509, 4_096, 65_531, 65_532, 65_533, 200_000];

describe('the queue of held frames', () => {
  test('gives back what was pushed, in order, byte for byte, through any number of pushes and shifts', () => {
    const seed = Date.now();
    const random = seededRandom(seed);
    const queue = new HeldQueue();
    const plain: { frame: Uint8Array | undefined; ref: number | string | undefined; binary: boolean }[] = [];
    for (let step = 0; step < 5_000; step++) {
      const binary = random() < 0.5;
      // In turns it grows and shrinks.
      if (random() < (step % 1_000 < 500 ? 0.7 : 0.3)) {
        if (random() < 0.2) {
          const ref = [undefined, step, `ref ${step}`][Math.floor(random() * 3)];
          queue.pushRefusal(ref, binary);
          plain.push({ frame: undefined, ref, binary });
        } else {
          const frame = new Uint8Array(SIZES[Math.floor(random() * random() * SIZES.length)] as number);
          for (let i = 0; i < frame.length; i += 37) frame[i] = Math.floor(random() * 256);
          queue.pushFrame(frame, binary);
          plain.push({ frame, ref: undefined, binary });
        }
      } else {
        const got = queue.shift();
        const wanted = plain.shift();
        const isSame = got?.frame === undefined || Buffer.compare(got.frame, wanted?.frame as Uint8Array) === 0;
        expect(isSame, `seed ${seed}, step ${step}`).toBe(true);
        expect([got?.frame?.length, got?.ref, got?.binary], `seed ${seed}, step ${step}`).toEqual([
          wanted?.frame?.length,
          wanted?.ref,
          wanted?.binary,
        ]);
      }
      const frames = plain.flatMap(({ frame }) => (frame === undefined ? [] : [frame.length]));
      const bytes = frames.reduce((sum, length) => sum + length, 0);
      const refusals = plain.length - frames.length;
      expect([queue.length, queue.frames, queue.refusals, queue.bytes, queue.keptBytes], `seed ${seed}`).toEqual([
        plain.length,
        frames.length,
        refusals,
        bytes,
        bytes + REFUSAL_BYTES * refusals,
      ]);
    }
  });

  test('copies what is pushed, and leaves alone what was shifted', () => {
    const queue = new HeldQueue();
    const lent = Uint8Array.of(1, 2, 3);
    queue.pushFrame(lent, true);
    lent.fill(9);
    const got = queue.shift();
    for (let i = 0; i < 1_000; i++) queue.pushFrame(lent, true);
    expect(got?.frame).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('is empty when cleared, and goes on', () => {
    const queue = new HeldQueue();
    queue.pushFrame(new Uint8Array(100), false);
    queue.pushRefusal('a', true);
    queue.clear();
    expect([queue.length, queue.keptBytes, queue.shift()]).toEqual([0, 0, undefined]);
    queue.pushRefusal('b', true);
    queue.pushFrame(Uint8Array.of(7), true);
    expect([queue.shift()?.ref, queue.shift()?.frame, queue.shift()]).toEqual(['b', Uint8Array.of(7), undefined]);
  });
});
