// Answers as the bytes or text that a client asked for.

import { type Encoding, packMessage, unpackMessage } from '../protocol/codec.ts';
import type { Answer, Reply } from '../service/reply.ts';

/** Undefined when nothing is to be sent. The bytes may lie in the reply buffer, so send them before the next operation. */
export function encodeAnswer(answer: Answer, reply: Reply, encoding: Encoding): Uint8Array | string | undefined {
  switch (answer.kind) {
    case 'none':
      return undefined;
    case 'value':
      return encodeValue(answer.value, encoding);
    case 'packed':
      return reencode(reply.view(answer.length), 'msgpack', encoding);
    case 'bytes':
      return reencode(answer.bytes, answer.encoding, encoding);
  }
}

export function encodeValue(value: unknown, encoding: Encoding): Uint8Array | string {
  return encoding === 'msgpack' ? packMessage(value) : JSON.stringify(value);
}

/** What is MessagePack already is decoded for those who asked for JSON; JSON is only ever made for those who did. */
function reencode(bytes: Uint8Array, from: Encoding, to: Encoding): Uint8Array | string {
  return from === to ? bytes : JSON.stringify(unpackMessage(bytes));
}
