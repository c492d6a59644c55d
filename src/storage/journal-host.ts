// The main thread's side of RemoteSource: the portable engine's journal, drained and restored in slices between other work.

import type { MessagePort } from 'node:worker_threads';
import { createDrainBuffer, type DriverJournal } from '../drivers/journal.ts';
import type { FromJournalHost, JournalSlice, ToJournalHost } from './messages.ts';

/** Some five hundred drivers, a millisecond or two. */
const SLICE_BLOCKS = 16;

export function hostJournal(journal: DriverJournal, port: MessagePort): void {
  const buffer = createDrainBuffer(0, SLICE_BLOCKS);
  journal.start();

  async function drain(from: number): Promise<JournalSlice[]> {
    const slices: JournalSlice[] = [];
    let sequence = from;
    journal.rewind();
    for (;;) {
      const { count, done } = journal.drain(buffer, sequence);
      const blocks = buffer.blocks.slice(0, 2 * count);
      if (count > 0) slices.push({ bytes: buffer.bytes.slice(0, blocks.at(-1)), blocks });
      sequence += count;
      if (done) return slices;
      await nextTurn();
    }
  }

  async function answer(message: ToJournalHost): Promise<FromJournalHost | undefined> {
    if ('drain' in message) return { slices: await drain(message.drain) };
    if ('mark' in message) {
      journal.mark(message.mark);
      return undefined;
    }
    if ('beginRestore' in message) {
      journal.beginRestore(message.beginRestore);
      return {};
    }
    if ('restore' in message) {
      for (const [i, [block, bytes]] of message.restore.entries()) {
        if (i > 0 && i % SLICE_BLOCKS === 0) await nextTurn();
        journal.restore(block, bytes, message.nowMs);
      }
      return {};
    }
    if ('replay' in message) {
      let added = 0;
      for (const [i, { batch, atMs }] of message.replay.entries()) {
        if (i > 0) await nextTurn();
        added += journal.replay(batch, atMs);
      }
      return { added };
    }
    return { counts: journal.endRestore() };
  }

  port.on('message', async (message: ToJournalHost) => {
    const reply = await answer(message);
    if (reply !== undefined) port.postMessage(reply);
  });
  port.unref();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
