import { defineConfig } from 'vitest/config'

// Real servers start in these tests, so limits are generous; nothing asserts on elapsed time.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/kit/build.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})
