// A file's text as it streams in, gunzipped when its first bytes say gzip, whatever its name; never the whole of it at once.

import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

export interface TextSource {
  /** Pieces of text, without the byte order mark. Throws when the file cannot be read on, as when its gzip is cut short. */
  readonly text: AsyncIterable<string>;
  /** Bytes of the file read so far, compressed as they are. */
  bytesRead(): number;
  /** The file's size. */
  readonly bytesTotal: number;
}

const READ_BYTES = 256 * 1024;

/** Opens a file for one pass over it. @throws the system's error (ENOENT…) when it cannot be opened */
export async function openText(path: string): Promise<TextSource> {
  const handle = await open(path);
  const first = Buffer.alloc(2);
  let bytesRead: number;
  let bytesTotal: number;
  try {
    ({ size: bytesTotal } = await handle.stat());
    ({ bytesRead } = await handle.read(first, 0, 2, 0));
  } catch (error) {
    await handle.close();
    throw error;
  }
  const isGzip = bytesRead === 2 && first[0] === 0x1f && first[1] === 0x8b;
  const file = handle.createReadStream({ start: 0, highWaterMark: READ_BYTES });
  if (!isGzip) return { text: withoutMark(file.setEncoding('utf8')), bytesRead: () => file.bytesRead, bytesTotal };
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  // Errors of both come out of the gunzip's iteration; the callback only keeps them from being thrown as well.
  pipeline(file, gunzip, () => {});
  return { text: withoutMark(gunzip.setEncoding('utf8')), bytesRead: () => file.bytesRead, bytesTotal };
}

async function* withoutMark(stream: AsyncIterable<string>): AsyncGenerator<string> {
  let isFirst = true;
  for await (const piece of stream) {
    yield isFirst && piece.startsWith('\uFEFF') ? piece.slice(1) : piece;
    isFirst = false;
  }
}
