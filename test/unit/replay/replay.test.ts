import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../../../src/client/index.ts';
import { type ReplayOptions, replay } from '../../../src/replay/replay.ts';
import type { LineFault } from '../../../src/replay/summary.ts';
import { type Answer, Peer, plainly } from '../client/peer.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'raziel-replay-'));
});
afterAll(() => rm(folder, { recursive: true }));

type Row = any[];

const SERVER_MS = 1_411_000_000_000;

async function replayed(
  texts: string[],
  options: Partial<ReplayOptions> = {},
  answer: Answer = plainly,
): Promise<{ summary: Record<string, unknown>; rows: Row[]; batches: Row[][]; faults: LineFault[] }> {
  const files = await Promise.all(
    texts.map(async (text, i) => {
      const path = join(folder, `${i}.csv`);
      await writeFile(path, text);
      return path;
    }),
  );
  const peer = await new Peer(answer).start();
  const client = await connect(peer.url);
  const faults: LineFault[] = [];
  try {
    const summary = await replay(client, {
      files,
      read: { map: {}, timeUnit: 'auto', speedUnit: 'mps', tagRules: [] },
      speed: 'max',
      keepTime: false,
      loop: false,
      sort: false,
      strict: false,
      batchFixes: 1000,
      onFault: (fault) => faults.push(fault),
      ...options,
    });
    const batches = peer.received.filter(({ op }) => op === 'locations').map(({ batch }) => batch as Row[]);
    return { summary: { ...summary }, rows: batches.flat(), batches, faults };
  } finally {
    await client.close();
    await peer.stop();
  }
}

/** Refuses every hundredth id. */
const rejectHundreds: Answer = (request, socket) => {
  if (request.op !== 'locations') return plainly(request, socket);
  const rejected = (request.batch as Row[]).flatMap(([id], index) =>
    Number(id) % 100 === 99 ? [{ index, code: 'BAD_ID', message: id }] : [],
  );
  return socket.reply({
    ref: request.ref,
    accepted: request.batch.length - rejected.length,
    stale: 0,
    duplicate: 0,
    rejected,
  });
};

const refuse: Answer = (request, socket) => {
  if (request.op !== 'locations') return plainly(request, socket);
  return socket.reply({ ref: request.ref, error: { code: 'SHUTTING_DOWN', message: 'bye' } });
};

const HEADER = 'id,lat,lon,time\n';

it('moves the last fix of all files to the server’s now, keeps the spacing, and gives each 30 days', async () => {
  const { rows, summary } = await replayed([`${HEADER}a,1,2,1000\na,1,3,1500\n`, `${HEADER}b,5,6,1200\n`]);
  expect(rows.map(([id, , , time, , , , , ttl]) => [id, Math.round((time - SERVER_MS) / 1000), ttl])).toEqual([
    ['a', -500, 2_592_000],
    ['b', -300, 2_592_000],
    ['a', 0, 2_592_000],
  ]);
  expect(summary).toMatchObject({ lines: 3, sent: 3, accepted: 3, spanSeconds: 500 });
});

it('sends rows no longer than what they say', async () => {
  const options = { keepTime: true, ttl: 'file' } as const;
  const { rows } = await replayed(['id,lat,lon,time,speed,tags\na,1,2,1000,,\nb,1,2,,3,x\nc,1,2,,,\n'], options);
  expect(rows).toEqual([
    ['a', 1, 2, 1_000_000],
    ['b', 1, 2, null, null, 3, null, ['x']],
    ['c', 1, 2],
  ]);
});

it('ends a batch before it is too large for a frame, and keeps the order', async () => {
  const tags = Array.from({ length: 32 }, (_, i) => String(i).padEnd(64, 'x')).join(' ');
  const lines = Array.from({ length: 1000 }, (_, i) => `d${i},1,2,${1000 + i},${tags}`);
  const { summary, batches } = await replayed([`id,lat,lon,time,tags\n${lines.join('\n')}`]);
  expect(batches.length).toBeGreaterThan(4);
  expect(batches.flat().map(([id]) => id)).toEqual(lines.map((line) => line.split(',')[0]));
  expect(summary).toMatchObject({ lines: 1000, sent: 1000, accepted: 1000 });
});

it('names the lines of rejected fixes', async () => {
  const lines = Array.from({ length: 400 }, (_, i) => `${i},1,2,${1000 + i}`);
  const { summary, faults } = await replayed([HEADER + lines.join('\n')], { batchFixes: 70 }, rejectHundreds);
  expect(summary).toMatchObject({ lines: 400, sent: 400, accepted: 396, rejected: 4, rejectedByCode: { BAD_ID: 4 } });
  expect(faults.map(({ line, message }) => [line, message])).toEqual([
    [101, '99'],
    [201, '199'],
    [301, '299'],
    [401, '399'],
  ]);
});

it('sends a batch again that the server is too busy for', async () => {
  let refusals = 3;
  const busy: Answer = (request, socket) => {
    if (request.op !== 'locations' || refusals-- <= 0) return plainly(request, socket);
    return socket.reply({ ref: request.ref, error: { code: 'OVERLOADED', message: 'busy' } });
  };
  const { summary, batches } = await replayed([`${HEADER}a,1,2,1000\n`], {}, busy);
  expect(batches).toHaveLength(4);
  expect(summary).toMatchObject({ lines: 1, sent: 1, accepted: 1 });
});

it('counts what came too early in the file, and puts it in order when asked to', async () => {
  const text = `${HEADER}a,1,1,1000\na,1,3,3000\na,1,2,2000\n`;
  const asItLies = await replayed([text]);
  expect(asItLies.rows.map(([, , lon]) => lon)).toEqual([1, 3, 2]);
  expect(asItLies.summary.outOfOrder).toBe(1);
  const sorted = await replayed([text], { sort: true });
  expect(sorted.rows.map(([, , lon]) => lon)).toEqual([1, 2, 3]);
  expect(sorted.summary.outOfOrder).toBe(0);
});

it('stops at the first broken line when it is strict', async () => {
  const text = `${HEADER}a,1,1,1000\na,x,3,3000\n`;
  await expect(replayed([text], { strict: true })).rejects.toThrow(/0\.csv:3: BAD_LAT/);
});

it('does not go round for ever over files without a line', async () => {
  const { summary } = await replayed([HEADER], { loop: true });
  expect(summary).toMatchObject({ passes: 1, lines: 0, sent: 0 });
});

it('fails with what a batch failed with, and counts it as unanswered', async () => {
  await expect(replayed([`${HEADER}a,1,2,1000\n`], {}, refuse)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
});
