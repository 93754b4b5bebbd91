// Tests that run inside the box: a test outside starts them there, as the account they are for.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  cacheDir: '/tmp/vitest',
  test: { include: ['test/**/*.inside.ts'], testTimeout: 60_000, fileParallelism: false },
})
