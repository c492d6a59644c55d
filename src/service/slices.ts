// Large answers for those who want JSON, rewritten in turns of the event loop.

import type { Encoding } from '../protocol/codec.ts';
import { MessagePackToJson } from '../protocol/msgpack-to-json.ts';
import type { Answer, Reply } from './reply.ts';

/** Smaller answers are rewritten at once: less than a millisecond. */
const AT_ONCE_BYTES = 32 * 1024;
const TURN_MS_MAX = 2;

/** The answer, as it is or, when it is large and of the other encoding, as JSON that is made in turns. */
export function inSlices(answer: Answer | Promise<Answer>, reply: Reply, encoding: Encoding): Answer | Promise<Answer> {
  if (encoding === 'msgpack') return answer;
  if (answer instanceof Promise) return answer.then((got) => inSlices(got, reply, encoding));
  if (answer.kind === 'packed' && answer.length > AT_ONCE_BYTES) {
    // Others will write into the reply buffer meanwhile.
    return rewritten(reply.bytes.slice(0, answer.length));
  }
  const isLarge = answer.kind === 'bytes' && answer.encoding === 'msgpack' && answer.bytes.length > AT_ONCE_BYTES;
  return isLarge ? rewritten(answer.bytes) : answer;
}

async function rewritten(bytes: Uint8Array): Promise<Answer> {
  const rewriting = new MessagePackToJson(bytes);
  while (!rewriting.run(performance.now() + TURN_MS_MAX)) await new Promise((resolve) => setImmediate(resolve));
  return { kind: 'bytes', bytes: rewriting.text, encoding: 'json' };
}
