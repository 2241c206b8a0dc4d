import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes later on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    // Most tests wait for programs that they start, so that a core need not be left to spare.
    maxWorkers: '100%',
  },
});
