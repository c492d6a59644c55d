// Answers as the bytes or text that a client asked for.

import { type Encoding, packMessage, unpackMessage } from '../protocol/codec.ts';
import type { ReplyBuffer } from '../drivers/engine.ts';
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

/** The answer of a traced search, with its `traceId`. A map of MessagePack of 15 entries or more stays as it is. */
export function withTraceId(answer: Answer, reply: Reply, traceId: string): Answer {
  switch (answer.kind) {
    case 'value':
      return { kind: 'value', value: { ...answer.value, traceId } };
    case 'packed':
      return { kind: 'packed', length: appendTraceId(reply, answer.length, traceId) };
    case 'bytes': {
      if (answer.encoding === 'json') return { ...answer, bytes: appendToJson(answer.bytes, traceId) };
      return { ...answer, bytes: copyWithTraceId(answer.bytes, traceId) };
    }
    case 'none':
      return answer;
  }
}

/** A packed answer with its `traceId`, as bytes of its own. */
export function copyWithTraceId(bytes: Uint8Array, traceId: string): Uint8Array {
  const own: ReplyBuffer = { bytes: new Uint8Array(bytes.length + TRACE_ID_HEAD.length + traceId.length) };
  own.bytes.set(bytes);
  const length = appendTraceId(own, bytes.length, traceId);
  return own.bytes.subarray(0, length);
}

/** A map of up to 14 entries becomes one of one more. */
const SMALL_MAP = 0x80;
const SMALL_MAP_ENTRIES_MAX = 15;
const CLOSING_BRACE = 0x7d;
const TRACE_ID_DIGITS = 32;
/** The key, and the head of a string of 32 bytes. */
const TRACE_ID_HEAD = Uint8Array.of(...packMessage('traceId'), 0xd9, TRACE_ID_DIGITS);

/**
 * Adds `traceId` to the small map that the buffer's first `length` bytes are; returns the length then.
 * @param traceId 32 hexadecimal digits
 */
function appendTraceId(reply: ReplyBuffer, length: number, traceId: string): number {
  const head = reply.bytes[0] as number;
  if ((head & 0xf0) !== SMALL_MAP || (head & 0x0f) >= SMALL_MAP_ENTRIES_MAX) return length;
  const end = length + TRACE_ID_HEAD.length + traceId.length;
  if (end > reply.bytes.length) {
    const grown = new Uint8Array(end * 2);
    grown.set(reply.bytes.subarray(0, length));
    reply.bytes = grown;
  }
  const { bytes } = reply;
  bytes[0] = head + 1;
  bytes.set(TRACE_ID_HEAD, length);
  const start = length + TRACE_ID_HEAD.length;
  for (let i = 0; i < traceId.length; i++) bytes[start + i] = traceId.charCodeAt(i);
  return end;
}

function appendToJson(object: Uint8Array, traceId: string): Uint8Array {
  const closing = object.lastIndexOf(CLOSING_BRACE);
  return Buffer.concat([object.subarray(0, closing), Buffer.from(`,"traceId":"${traceId}"}`)]);
}

/** What is MessagePack already is decoded for those who asked for JSON; JSON is only ever made for those who did. */
function reencode(bytes: Uint8Array, from: Encoding, to: Encoding): Uint8Array | string {
  return from === to ? bytes : JSON.stringify(unpackMessage(bytes));
}
