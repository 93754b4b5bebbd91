// Which tests judge a mutant of the domain: those that ask the domain itself, in one process, for speed.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/domain/**/*.test.ts'],
    isolate: false,
    testTimeout: 20_000,
  },
})
