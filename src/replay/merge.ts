// Several files as one feed, by time: the next entry is always the earliest of the files' next ones, in the order given when
// times are equal. A file in order of time stays so; one that is not is read as it lies. Entries without a time come at once.

import type { Entry } from './entry.ts';

interface Head {
  readonly source: AsyncIterator<Entry[]>;
  entries: Entry[];
  at: number;
}

export async function* mergeByTime(sources: readonly AsyncIterable<Entry[]>[]): AsyncGenerator<Entry[]> {
  if (sources.length === 1) {
    yield* sources[0] as AsyncIterable<Entry[]>;
    return;
  }
  const heads = sources.map((source) => ({ source: source[Symbol.asyncIterator](), entries: [], at: 0 }) as Head);
  try {
    for (let i = heads.length - 1; i >= 0; i -= 1) if (!(await refill(heads[i] as Head))) heads.splice(i, 1);
    while (heads.length > 0) {
      // Up to the moment when a head has to be read on; then what is ordered so far goes out.
      const merged: Entry[] = [];
      let empty = -1;
      while (empty < 0) {
        const earliest = earliestOf(heads);
        const head = heads[earliest] as Head;
        merged.push(head.entries[head.at] as Entry);
        head.at += 1;
        if (head.at === head.entries.length) empty = earliest;
      }
      yield merged;
      if (!(await refill(heads[empty] as Head))) heads.splice(empty, 1);
    }
  } finally {
    for (const { source } of heads) await source.return?.();
  }
}

function earliestOf(heads: readonly Head[]): number {
  let earliest = 0;
  let earliestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < heads.length; i += 1) {
    const { entries, at } = heads[i] as Head;
    const nextMs = timeMs(entries[at] as Entry);
    if (nextMs < earliestMs) {
      earliest = i;
      earliestMs = nextMs;
    }
  }
  return earliest;
}

async function refill(head: Head): Promise<boolean> {
  const next = await head.source.next();
  if (next.done === true) return false;
  head.entries = next.value;
  head.at = 0;
  return true;
}

const GROUP_ENTRIES = 1024;

/** A source in order of time, those at one time as they lay. Holds all of it in memory, some 300 bytes an entry. */
export async function* sortedByTime(source: AsyncIterable<Entry[]>): AsyncGenerator<Entry[]> {
  const all: Entry[] = [];
  for await (const entries of source) for (const entry of entries) all.push(entry);
  // Not the difference: that of two infinities is not a number.
  all.sort((a, b) => (timeMs(a) < timeMs(b) ? -1 : timeMs(a) > timeMs(b) ? 1 : 0));
  for (let at = 0; at < all.length; at += GROUP_ENTRIES) yield all.slice(at, at + GROUP_ENTRIES);
}

function timeMs(entry: Entry): number {
  return entry.fix?.timeMs ?? Number.NEGATIVE_INFINITY;
}
