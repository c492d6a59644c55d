import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as clock from '../../../src/clock.ts';
import { TRACE_ARCHIVE_PENDING_MAX } from '../../../src/limits.ts';
import { TraceMeters } from '../../../src/metrics/trace-meters.ts';
import { TraceArchive } from '../../../src/tracing/archive.ts';
import { Collector } from '../../../src/tracing/collector.ts';
import type { Span } from '../../../src/tracing/span.ts';

vi.mock(import('../../../src/clock.ts'), async (actual) => ({ ...(await actual()), nowMs: vi.fn() }));

const RETENTION_SECONDS = 3_600;
const directories: string[] = [];
let nowSeconds = 1_700_000_000;
vi.mocked(clock.nowMs).mockImplementation(() => nowSeconds * 1000);

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'raziel-traces-'));
  directories.push(made);
  return made;
}

afterEach(() => {
  for (const made of directories.splice(0)) rmSync(made, { recursive: true, force: true });
});

function span(trace: number, number: number, more: Partial<Span> = {}): Span {
  return {
    traceId: trace.toString(16).padStart(32, '0'),
    spanId: number.toString(16).padStart(16, '0'),
    parentId: undefined,
    startMicros: 1.7e15 + trace,
    durationMicros: 1.5,
    name: 'raziel.search',
    from: 'http',
    host: 'one',
    error: undefined,
    flags: 1,
    weight: 100,
    ...more,
  };
}

const id = (trace: number): string => span(trace, 1).traceId;

describe('the archive of traces', () => {
  it('has every span again after it was opened again, each once', async () => {
    const path = directory();
    const first = new TraceArchive(path, RETENTION_SECONDS, new TraceMeters());
    const spans = [span(1, 1), span(1, 2, { parentId: span(1, 1).spanId, error: 'BAD_LAT', flags: 0 })];
    first.add(spans[0] as Span);
    first.write();
    for (const each of spans) first.add(each);
    await first.close();
    const second = new TraceArchive(path, RETENTION_SECONDS, new TraceMeters());
    expect(second.spansOf(id(1))).toEqual(spans);
    expect(second.spansOf(id(2))).toBeUndefined();
    second.add(span(2, 1));
    expect(second.spansOf(id(2))).toEqual([span(2, 1)]);
    await second.close();
  });

  it('forgets traces after their time', async () => {
    const archive = new TraceArchive(directory(), RETENTION_SECONDS, new TraceMeters());
    archive.add(span(1, 1));
    archive.write();
    nowSeconds += RETENTION_SECONDS - 10;
    archive.add(span(2, 1));
    archive.write();
    expect([...archive.newest()]).toEqual([[span(2, 1)], [span(1, 1)]]);
    nowSeconds += 20;
    archive.write();
    expect([...archive.newest()]).toEqual([[span(2, 1)]]);
    expect(archive.spansOf(id(1))).toBeUndefined();
    await archive.close();
  });

  it('lists what memory does not hold any more behind what it does, each trace once', async () => {
    const archive = new TraceArchive(directory(), RETENTION_SECONDS, new TraceMeters());
    const collector = new Collector(2, archive);
    for (let trace = 1; trace <= 4; trace++) {
      collector.addRemote(span(trace, 1, trace === 1 ? { error: 'BAD_LAT' } : {}));
      nowSeconds++;
      archive.write();
    }
    const listed = (filter: object): string[] => collector.find({ limit: 10, ...filter }).map(({ traceId }) => traceId);
    expect(listed({})).toEqual([4, 3, 2, 1].map(id));
    expect(listed({ limit: 3 })).toEqual([4, 3, 2].map(id));
    expect(listed({ error: true })).toEqual([id(1)]);
    expect(collector.tree(id(1))).toMatchObject({ roots: [{ error: 'BAD_LAT' }] });
    await archive.close();
  });

  it('drops and counts what waits past its bound', async () => {
    const meters = new TraceMeters();
    const archive = new TraceArchive(directory(), RETENTION_SECONDS, meters);
    for (let i = 0; i < TRACE_ARCHIVE_PENDING_MAX + 7; i++) archive.add(span(1 + (i % 1000), i + 1));
    expect(meters.get('archiveFailures')).toBe(7);
    archive.write();
    expect(meters.get('archived')).toBe(TRACE_ARCHIVE_PENDING_MAX);
    await archive.close();
  });

  it('forgets the oldest traces past its bytes, and its file stops growing', async () => {
    const path = directory();
    const bytesMax = 512 * 1024;
    const archive = new TraceArchive(path, RETENTION_SECONDS, new TraceMeters(), bytesMax);
    let trace = 0;
    const fill = (rounds: number): number => {
      for (let round = 0; round < rounds; round++) {
        for (let i = 0; i < 1_000; i++) archive.add(span(++trace, 1));
        archive.write();
      }
      return statSync(join(path, 'traces.mdb')).size;
    };
    const filled = fill(20);
    expect(archive.spansOf(id(1))).toBeUndefined();
    expect(archive.spansOf(id(trace))).toEqual([span(trace, 1)]);
    expect(fill(40)).toBeLessThan(filled * 1.5);
    expect(filled).toBeLessThan(bytesMax * 8);
    await archive.close();
  });

  it('leaves a file of another format alone', async () => {
    const path = directory();
    const other = open({ path: join(path, 'traces.mdb'), noSubdir: true, maxDbs: 4 });
    await other.openDB<string, string>({ name: 'meta', encoding: 'string' }).put('format', 'raziel traces 2');
    await other.close();
    expect(() => new TraceArchive(path, RETENTION_SECONDS, new TraceMeters())).toThrow('raziel traces 2');
  });
});
