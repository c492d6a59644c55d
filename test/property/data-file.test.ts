// The look at a data file before LMDB opens it: it must know every file that LMDB writes, whatever was done to it, and let no damage pass that
// changes what is read.

import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/demo/random.ts';
import { writeBlock } from '../../src/drivers/stored-block.ts';
import { BLOCK_BYTES_MAX } from '../../src/drivers/journal.ts';
import { checkData } from '../../src/storage/check-data.ts';
import { DATA_FILE } from '../../src/storage/databases.ts';
import { seal } from '../../src/storage/envelope.ts';
import type { Environment } from '../../src/storage/environment.ts';
import { DataFile } from '../../src/storage/file/data-file.ts';
import { encodeLedger, LEDGER_KEY } from '../../src/storage/ledger.ts';
import { openData } from '../../src/storage/open-data.ts';
import { dataDirectory } from '../support/data-directory.ts';

const SEEDS = [1, 2];
const BYTES_MAX = 256 * 1024 * 1024;

function newDirectory(): string {
  const directory = dataDirectory();
  mkdirSync(directory);
  return directory;
}

function blockOf(block: number, drivers: number, sequence: number): Uint8Array {
  const record = (i: number): object => ({
    id: `d${block}-${i}`,
    lat: i,
    lon: block % 180,
    time: 1,
    ttlSeconds: 9,
    tags: [],
  });
  const out = new Uint8Array(BLOCK_BYTES_MAX);
  const records = Array.from({ length: 32 }, (_, i) => (i < drivers ? record(i) : undefined));
  return out.slice(0, writeBlock(block, sequence, records as Parameters<typeof writeBlock>[2], out, 0));
}

/** What a file holds, by database and key, all values whole; throws where the look at it does. */
function contentOf(directory: string): Map<string, string> {
  const content = new Map<string, string>();
  const file = DataFile.open(join(directory, DATA_FILE));
  try {
    file.check((database, { key, value }) => {
      content.set(`${database}/${key.toString('hex')}`, value().toString('base64'));
    });
  } finally {
    file.close();
  }
  return content;
}

type Wanted = Map<string, Uint8Array>;

/** Changes at random, as commits do: blocks that grow, shrink and go, values of all sizes. */
function change(environment: Environment, wanted: Wanted, random: () => number): void {
  const below = (n: number): number => Math.floor(random() * n);
  const isMany = random() < 0.2;
  environment.commit(() => {
    for (let i = isMany ? 600 : below(30); i >= 0; i--) {
      const block = below(2_000);
      const drivers = below(33);
      if (drivers === 0) environment.drivers.removeSync(block);
      else environment.drivers.putSync(block, blockOf(block, drivers, i + 1));
      const hex = Buffer.from(Uint32Array.of(block).buffer).toString('hex');
      if (drivers === 0) wanted.delete(`drivers/${hex}`);
      else wanted.set(`drivers/${hex}`, blockOf(block, drivers, i + 1));
    }
    for (let i = below(4); i > 0; i--) {
      const key = `zones/layer/${below(40)}`;
      const hex = `state/${Buffer.from(key).toString('hex')}`;
      const value = seal(key, Buffer.alloc(2 ** below(22), i));
      if (random() < 0.3) environment.state.removeSync(key);
      else environment.state.putSync(key, value);
      if (environment.state.get(key) === undefined) wanted.delete(hex);
      else wanted.set(hex, value);
    }
    const ledger = seal(LEDGER_KEY, encodeLedger({ count: below(99), sum: below(99), sequence: 1 }));
    environment.meta.putSync(LEDGER_KEY, ledger);
  });
}

describe.each(SEEDS)('a data file with changes of seed %i', (seed) => {
  test('passes the check after every commit, with all that was written and nothing else', {
    timeout: 60_000,
  }, async () => {
    const random = seededRandom(seed);
    const directory = newDirectory();
    const wanted: Wanted = new Map();
    let { environment } = await openData(directory, BYTES_MAX);
    for (let round = 0; round < 40; round++) {
      if (random() < 0.1) {
        await environment.close();
        ({ environment } = await openData(directory, BYTES_MAX));
      }
      if (random() < 0.1) {
        const fail = (): void =>
          environment.commit(() => {
            for (let block = 0; block < 300; block++) environment.drivers.putSync(block, new Uint8Array(3_000));
            throw new Error('given up');
          });
        expect(fail).toThrow('given up');
      }
      change(environment, wanted, random);
      const content = contentOf(directory);
      const shown = [...content].filter(([key]) => !key.startsWith('meta/'));
      expect(shown.length, `round ${round}`).toBe(wanted.size);
      for (const [key, value] of shown) {
        expect(
          value === Buffer.from(wanted.get(key) as Uint8Array).toString('base64'),
          `${key} in round ${round}`,
        ).toBe(true);
      }
      const checked = checkData(directory);
      expect(checked?.blocks.every(({ drivers }) => drivers > 0)).toBe(true);
    }
    await environment.close();
  });
});

test.each(SEEDS)(
  'bits flipped in a data file are refused, or change nothing that is read but records of drivers (seed %i)',
  {
    timeout: 60_000,
  },
  async (seed) => {
    const random = seededRandom(seed);
    const directory = newDirectory();
    const { environment } = await openData(directory, BYTES_MAX);
    for (let round = 0; round < 12; round++) change(environment, new Map(), random);
    await environment.close();
    const path = join(directory, DATA_FILE);
    const bytes = readFileSync(path);
    const before = contentOf(directory);
    const fd = openSync(path, 'r+');
    onTestFinished(() => closeSync(fd));
    let last = 0;
    const outcomes = { refused: 0, same: 0, records: 0 };
    for (let i = 0; i < 300; i++) {
      // Half of them in the meta pages and in the headers and first nodes of others.
      const page = random() < 0.2 ? Math.floor(random() * 2) : Math.floor((random() * bytes.length) / 4096);
      const at = 4096 * page + Math.floor(random() * (random() < 0.5 ? 4096 : 200));
      const bit = 1 << Math.floor(random() * 8);
      if (i > 0) writeSync(fd, bytes, last, 1, last);
      last = at;
      writeSync(fd, Uint8Array.of((bytes[at] as number) ^ bit), 0, 1, at);
      const where = `bit ${bit} of byte ${at} (seed ${seed})`;
      try {
        checkData(directory);
      } catch (error) {
        expect((error as Error).message, where).toMatch(/./);
        outcomes.refused++;
        continue;
      }
      const after = contentOf(directory);
      expect([...after.keys()], where).toEqual([...before.keys()]);
      const changed = [...after].filter(([key, value]) => before.get(key) !== value).map(([key]) => key.split('/')[0]);
      if (changed.length === 0) outcomes.same++;
      else {
        expect(changed, where).toEqual(['drivers']);
        outcomes.records++;
      }
    }
    expect(outcomes.refused).toBeGreaterThan(10);
    expect(outcomes.same).toBeGreaterThan(10);
  },
);

/** A file with some commits behind it, and a way to change its bytes for the time of a look at it. */
async function damageable(rounds: number) {
  const random = seededRandom(rounds);
  const directory = newDirectory();
  const { environment } = await openData(directory, BYTES_MAX);
  for (let round = 0; round < rounds; round++) change(environment, new Map(), random);
  await environment.close();
  const path = join(directory, DATA_FILE);
  const bytes = readFileSync(path);
  const fd = openSync(path, 'r+');
  onTestFinished(() => closeSync(fd));
  return {
    directory,
    bytes,
    content: contentOf(directory),
    with<T>(at: number, changed: Uint8Array, look: () => T): T {
      writeSync(fd, changed, 0, changed.length, at);
      try {
        return look();
      } finally {
        writeSync(fd, bytes, at, changed.length, at);
      }
    },
  };
}

const META = { freeRoot: 88, mainRoot: 136, transaction: 152 };
const newest = (bytes: Buffer): number =>
  bytes.readBigUInt64LE(META.transaction) > bytes.readBigUInt64LE(4096 + META.transaction) ? 0 : 4096;

test('no flipped bit in the number of a transaction brings back the commit before', { timeout: 60_000 }, async () => {
  // Bit 1 turns 2 into 0 and 3 into 1: whichever it is that comes last, it is among these.
  for (const rounds of [6, 7, 8, 9]) {
    const file = await damageable(rounds);
    for (const page of [0, 4096]) {
      for (let bit = 0; bit < 64; bit++) {
        const at = page + META.transaction + (bit >> 3);
        const flipped = Uint8Array.of((file.bytes[at] as number) ^ (1 << (bit & 7)));
        const look = (): unknown => file.with(at, flipped, () => contentOf(file.directory));
        expect(look, `bit ${bit} of meta page ${page / 4096} after ${rounds} commits`).toThrow();
      }
    }
  }
});

test('a free page that is in use, outside of the file or free twice is refused: LMDB would write into it', async () => {
  const file = await damageable(9);
  const meta = newest(file.bytes);
  const page = 4096 * Number(file.bytes.readBigUInt64LE(meta + META.freeRoot));
  // Nodes begin at the end of a page. One ends with its list, or says which pages have it.
  const nodes = Array.from({ length: file.bytes.readUInt16LE(page + 20) / 2 }, (_, i) =>
    file.bytes.readUInt16LE(page + 24 + 2 * i),
  );
  const isApart = file.bytes.readUInt16LE(page + 24 + Math.max(...nodes) + 4) === 1;
  const list = 4096 * Number(file.bytes.readBigUInt64LE(page + 4096 - 24)) + 24;
  const at = isApart ? list + 8 * Number(file.bytes.readBigUInt64LE(list)) : page + 4096 - 8;
  const set = (value: bigint): (() => unknown) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return () => file.with(at, bytes, () => checkData(file.directory));
  };
  expect(set(file.bytes.readBigUInt64LE(meta + META.mainRoot))).toThrow('are in use');
  expect(set(1n)).toThrow('are outside of the file');
  expect(set(1n << 40n)).toThrow('are outside of the file');
  expect(set(file.bytes.readBigInt64LE(at))).not.toThrow();
});

test('keys that a flipped bit puts out of order are refused: LMDB would not find them', async () => {
  const file = await damageable(6);
  let refused = 0;
  let looked = 0;
  for (let page = 2 * 4096; page + 4096 <= file.bytes.length; page += 4096) {
    const isLeaf = file.bytes.readUInt16LE(page + 18) === 2 && Number(file.bytes.readBigUInt64LE(page)) === page / 4096;
    const node = page + 24 + file.bytes.readUInt16LE(page + 24);
    // Blocks of drivers have keys of four bytes.
    if (looked === 3) break;
    if (!isLeaf || node + 12 > page + 4096 || file.bytes.readUInt16LE(node + 6) !== 4) continue;
    looked++;
    for (let bit = 0; bit < 32; bit++) {
      const at = node + 8 + (bit >> 3);
      const flipped = Uint8Array.of((file.bytes[at] as number) ^ (1 << (bit & 7)));
      try {
        const checked = file.with(at, flipped, () => checkData(file.directory));
        const numbers = checked?.blocks.map(({ block }) => block) ?? [];
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        expect(new Set(numbers).size).toBe(numbers.length);
      } catch (error) {
        expect((error as Error).message).toMatch(/out of order/);
        refused++;
      }
    }
  }
  expect(refused).toBeGreaterThan(20);
});
