// A backup over HTTP: the storage thread writes it into a file, which is sent at the pace of whoever reads, a piece in memory at a time, and is
// gone from the directory as soon as it is open.

import { type FileHandle, open, rm } from 'node:fs/promises';
import { RazielError } from '../errors.ts';
import type { DurableCommits } from '../storage/durable-commits.ts';
import type { Exchange } from './http-response.ts';

const PIECE_BYTES = 256 * 1024;

/** Serving threads send one at a time each, so that the files take bounded room. */
let isSending = false;

/**
 * Rejects with RazielError NOT_SUPPORTED for a server in memory, OVERLOADED while this thread sends another one, STORAGE_FULL. Once the answer has
 * begun a failure ends the connection.
 */
export async function answerBackup(durable: DurableCommits | undefined, exchange: Exchange): Promise<void> {
  if (durable === undefined) {
    throw new RazielError('NOT_SUPPORTED', 'there is nothing to back up: this server keeps everything in memory');
  }
  if (isSending) throw new RazielError('OVERLOADED', 'another backup is being sent; try again');
  isSending = true;
  let file: FileHandle | undefined;
  try {
    const { path, bytes } = await durable.backup();
    file = await open(path, 'r').finally(() => rm(path, { force: true }));
    await exchange.sendPieces('application/octet-stream', bytes, pieces(file));
  } finally {
    isSending = false;
    await file?.close();
  }
}

/** One piece is valid until the next is asked for. */
async function* pieces(file: FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
