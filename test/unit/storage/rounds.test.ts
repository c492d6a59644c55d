// Drivers in a data directory: rounds of blocks in several commits, the log of what could not wait for them, and starts from whatever was
// committed. Each engine stores into a real environment, which is then opened anew as after a kill: nothing is flushed by closing.

import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { type NativeEngine, openNativeEngine } from '../../../src/drivers/native.ts';
import { openNativeJournal } from '../../../src/drivers/native-journal.ts';
import { openPortableEngine, type PortableDriverEngine } from '../../../src/drivers/portable.ts';
import { packMessage } from '../../../src/protocol/codec.ts';
import { LocalSource } from '../../../src/storage/driver-source.ts';
import { openData } from '../../../src/storage/open-data.ts';
import { StoredDrivers } from '../../../src/storage/stored-drivers.ts';
import { dataDirectory } from '../../support/data-directory.ts';
import { NOW, OPTIONS, REAL_ENGINES, reportMissingNative } from '../../support/engines.ts';
import { mkdirSync } from 'node:fs';

const KINDS = REAL_ENGINES.map(([kind]) => kind);
const ALL = Number.POSITIVE_INFINITY;

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

/** An engine that stores in a directory. */
async function start(kind: string, data: string) {
  const { environment, checked } = await openData(data, 2 ** 30);
  onTestFinished(() => environment.close());
  const engine = kind === 'native' ? openNativeEngine(OPTIONS) : openPortableEngine(OPTIONS);
  const journal =
    kind === 'native' ? openNativeJournal((engine as NativeEngine).handle) : (engine as PortableDriverEngine).journal;
  const drivers = new StoredDrivers(environment, new LocalSource(journal));
  opened.push(drivers, engine);
  const loaded = await drivers.load(checked, NOW, () => {});
  return {
    engine,
    drivers,
    environment,
    loaded,
    apply(...fixes: object[]) {
      const batch = packMessage(fixes.map((fix) => Object.assign({ lat: 1, lon: 1, ttl: 600 }, fix)));
      engine.apply(batch, NOW, 1_000);
      return { batch, atMs: NOW };
    },
    async commit(work: () => void) {
      await drivers.prepare();
      environment.commit(work);
      drivers.committed();
    },
    ids: () => Array.from({ length: 200 }, (_, i) => `d${i}`).filter((id) => engine.driver(id, NOW) !== undefined),
    entries: () => [...environment.log.getKeys()].length,
  };
}

function directory(): string {
  const path = dataDirectory();
  mkdirSync(path);
  return path;
}

const fleet = (from: number, to: number): object[] =>
  Array.from({ length: to - from }, (_, i) => ({ id: `d${from + i}` }));

describe.each(KINDS)('with a %s engine', (kind) => {
  reportMissingNative();

  test('what was logged is held again, in the order in which it was applied, without a round', async () => {
    const data = directory();
    const { drivers, apply, commit } = await start(kind, data);
    await commit(() => drivers.log([apply({ id: 'd1', time: NOW - 9 })]));
    const batches = [
      apply({ id: 'd1', time: NOW - 9, lat: 2 }, { id: 'd2' }),
      apply({ id: 'd1', time: NOW - 9, lat: 3 }),
    ];
    await commit(() => drivers.log(batches));
    const again = await start(kind, data);
    expect(again.ids()).toEqual(['d1', 'd2']);
    expect(again.engine.driver('d1', NOW)).toMatchObject({ lat: 3, time: NOW - 9 });
    // Without a time of its own a fix has that of its first application.
    expect(again.engine.driver('d2', NOW + 5)).toMatchObject({ time: NOW });
    expect(again.loaded).toMatchObject({ restored: 2, agrees: true });
  });

  test('a round in slices stores all that had changed when it began, and takes what was logged before off the log', async () => {
    const data = directory();
    const { drivers, apply, commit, entries } = await start(kind, data);
    await commit(() => drivers.log([apply(...fleet(0, 150))]));
    drivers.beginRound();
    const seen: number[] = [];
    for (let commits = 0; drivers.isInRound; commits++) {
      // Logged while the round goes on: the next one covers it.
      if (commits === 0) await commit(() => drivers.log([apply({ id: 'd199' })]));
      seen.push(entries());
      await commit(() => drivers.write(2));
    }
    expect(seen.length).toBeGreaterThan(1);
    expect(new Set(seen)).toEqual(new Set([2]));
    expect(entries()).toBe(1);
    const again = await start(kind, data);
    expect(again.ids()).toHaveLength(151);
    again.drivers.beginRound();
    await again.commit(() => again.drivers.write(ALL));
    expect(again.entries()).toBe(0);
    expect((await start(kind, data)).ids()).toHaveLength(151);
  });

  test('a kill between two slices loses nothing that was logged', async () => {
    const data = directory();
    const { drivers, apply, commit } = await start(kind, data);
    await commit(() => drivers.log([apply(...fleet(0, 150))]));
    drivers.beginRound();
    await commit(() => drivers.write(1));
    expect(drivers.isInRound).toBe(true);
    const again = await start(kind, data);
    expect(again.ids()).toHaveLength(150);
    expect(again.loaded).toMatchObject({ restored: 150, agrees: true });
  });

  test('a driver that was removed before a round ended does not come back from the log', async () => {
    const data = directory();
    const { engine, drivers, apply, commit } = await start(kind, data);
    await commit(() => drivers.log([apply(...fleet(0, 3))]));
    engine.remove('d1', NOW);
    drivers.beginRound();
    await commit(() => drivers.write(ALL));
    expect((await start(kind, data)).ids()).toEqual(['d0', 'd2']);
  });

  test('after a commit that failed the round begins anew, and the log is as it was', async () => {
    const data = directory();
    const { environment, drivers, apply, commit, entries } = await start(kind, data);
    await commit(() => drivers.log([apply(...fleet(0, 40))]));
    drivers.beginRound();
    await drivers.prepare();
    expect(() =>
      environment.commit(() => {
        drivers.write(ALL);
        throw new Error('the disk is full');
      }),
    ).toThrow('full');
    drivers.failed();
    expect([drivers.isInRound, drivers.hasChanges(), entries()]).toEqual([false, true, 1]);
    drivers.beginRound();
    await commit(() => drivers.write(ALL));
    expect(entries()).toBe(0);
    expect((await start(kind, data)).ids()).toHaveLength(40);
  });

  test('an entry of the log whose bytes have changed is refused: it was acknowledged as durable', async () => {
    const data = directory();
    const { environment, drivers, apply, commit } = await start(kind, data);
    for (const id of ['d1', 'd2', 'd3']) await commit(() => drivers.log([apply({ id })]));
    const [, second] = [...environment.log.getRange()];
    const bytes = Buffer.from(second?.value as Uint8Array);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    environment.commit(() => environment.log.putSync(second?.key as number, bytes));
    await expect(start(kind, data)).rejects.toThrow('is damaged: a logged batch of fixes is not what was written');
  });
});
