// Which tests belong to which run: fast ones, simulated bad worlds, real programs, the real cluster, real vLLM.
import { defineConfig } from 'vitest/config'

const ownProject = (name: string, include: string[], extra: Record<string, unknown> = {}) => ({
  test: { name, include, ...extra },
})

export default defineConfig({
  test: {
    reporters: ['default'],
    // vitest would leave one of two cores idle
    maxWorkers: 2,
    // time-outs only end what hangs: a machine with other work may be several times slower
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.{simulation,cluster,real,vllm}.test.ts'],
          testTimeout: 60_000,
          // a file keeps what it imports for the next one: half of the processor's time was loading zod again
          isolate: false,
        },
      },
      ownProject('simulation', ['test/**/*.simulation.test.ts'], { testTimeout: 900_000 }),
      ownProject('real', ['test/**/*.real.test.ts'], {
        testTimeout: 300_000,
        hookTimeout: 900_000,
        fileParallelism: false,
        // rows that wait for real time-outs wait together
        maxConcurrency: 10,
      }),
      ownProject('cluster', ['test/**/*.cluster.test.ts'], {
        testTimeout: 180_000,
        hookTimeout: 300_000,
        fileParallelism: false,
        globalSetup: ['test/cluster/global-setup.ts'],
      }),
      ownProject('vllm', ['test/**/*.vllm.test.ts'], {
        testTimeout: 600_000,
        hookTimeout: 1_800_000,
        fileParallelism: false,
        globalSetup: ['test/cluster/global-setup.ts'],
      }),
    ],
  },
})
