// The documentation names everything that the tables have.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SETTINGS } from '../../../src/config-settings.ts';
import { FIX_CODES, STATUS_OF_CODE } from '../../../src/errors.ts';
import { LATER_OPS, OPERATIONS } from '../../../src/protocol/operations.ts';

const text = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
const LIMIT_FLAGS = SETTINGS.filter(({ name }) => name.endsWith('Max')).map(({ flag }) => flag);

test.each([
  ...OPERATIONS.flatMap(({ http }) => (http === undefined ? [] : [`${http.method} ${http.path}`])),
  ...OPERATIONS.filter(({ webSocket }) => webSocket).map(({ name }) => name),
  ...OPERATIONS.flatMap(({ parameters }) => parameters.map(({ name }) => name)),
  ...Object.keys(STATUS_OF_CODE),
  ...FIX_CODES,
  ...LATER_OPS,
  ...LIMIT_FLAGS,
])('docs/protocol.md names `%s`', (name) => {
  expect(text).toContain(`\`${name}`);
});
