import { expect, it } from 'vitest';
import { readTraceparent, writeTraceparent } from '../../../src/tracing/traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

it('reads what it writes', () => {
  expect(readTraceparent(writeTraceparent(TRACE, SPAN, true))).toEqual({
    traceId: [0x4bf92f35, 0x77b34da6, 0xa3ce929d, 0x0e0e4736],
    spanId: [0x00f067aa, 0x0ba902b7],
    sampled: true,
  });
  expect(readTraceparent(writeTraceparent(TRACE, SPAN, false))?.sampled).toBe(false);
});

it('takes a later version, with or without more behind it, and flags that it does not know', () => {
  expect(readTraceparent(`cc-${TRACE}-${SPAN}-03`)?.sampled).toBe(true);
  expect(readTraceparent(`cc-${TRACE}-${SPAN}-fe-what the future brings`)?.sampled).toBe(false);
});

it.each([
  ['nothing', ''],
  ['no text', 42],
  ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['version ff', `ff-${TRACE}-${SPAN}-01`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['more behind version 00', `00-${TRACE}-${SPAN}-01-extra`],
  ['a trace id that is short', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['flags that are no digits', `00-${TRACE}-${SPAN}-0x`],
  ['more behind a later version without a dash', `cc-${TRACE}-${SPAN}-01.extra`],
  ['spaces about it', ` 00-${TRACE}-${SPAN}-01 `],
  ['a text without end', `cc-${TRACE}-${SPAN}-01-${'x'.repeat(10_000)}`],
])('ignores %s', (_, text) => {
  expect(readTraceparent(text)).toBeUndefined();
});
