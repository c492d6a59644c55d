// A file of zones, gzipped or not, or standard input.

import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { CommandFailure, EXIT_USAGE } from './exit.ts';

/** @throws CommandFailure EXIT_USAGE for a file that cannot be read */
export async function readLayerFile(file: string): Promise<Buffer<ArrayBuffer>> {
  try {
    const bytes = await buffer(file === '-' ? process.stdin : createReadStream(file));
    const isGzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return (isGzipped ? gunzipSync(bytes) : bytes) as Buffer<ArrayBuffer>;
  } catch (error) {
    throw new CommandFailure(EXIT_USAGE, `cannot read ${file}: ${(error as Error).message}`);
  }
}
