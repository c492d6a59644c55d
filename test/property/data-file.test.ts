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
