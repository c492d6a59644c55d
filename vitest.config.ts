import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores: the system tests start servers of their own, so files run two at a time at most.
    maxWorkers: 2,
    // CI counts the tests by the file that RAZIEL_TEST_REPORT names.
    reporters:
      process.env.RAZIEL_TEST_REPORT === undefined
        ? ['default']
        : ['default', ['json', { outputFile: process.env.RAZIEL_TEST_REPORT }]],
  },
});
