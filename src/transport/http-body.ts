// Reads a request's body up to a limit. The body of a request that was answered already, because it is too large or of the wrong
// type, is taken off the wire and dropped, so that the client gets to read the answer.

import type { HttpResponse } from './uws.ts';

/**
 * Calls `done` with the whole body, valid during the call only, or `tooLarge` as soon as there is more than `bytesMax`; neither when
 * the client goes away.
 */
export function readBody(
  res: HttpResponse,
  bytesMax: number,
  done: (body: Uint8Array) => void,
  tooLarge: () => void,
): void {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let over = false;
  res.onData((chunk, isLast) => {
    if (over) return;
    length += chunk.byteLength;
    if (length > bytesMax) {
      over = true;
      chunks.length = 0;
      tooLarge();
      return;
    }
    if (isLast) {
      over = true;
      if (chunks.length === 0) {
        done(new Uint8Array(chunk));
        return;
      }
      chunks.push(new Uint8Array(chunk));
      done(Buffer.concat(chunks, length));
    } else if (chunk.byteLength > 0) {
      chunks.push(new Uint8Array(chunk.slice(0)));
    }
  });
}
