// Everything that can be judged without running the product: types, lint and format, architecture, generated files, dead code.
import { execa } from 'execa'

interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
}

const steps: readonly Step[] = [
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'lint and format', command: ['biome', 'ci', '--error-on-warnings', '--colors=off'] },
  { name: 'architecture', command: ['vitest', 'run', '--project', 'fast', 'test/architecture.test.ts'] },
  { name: 'dead code', command: ['knip', '--no-progress'] },
]

/** Runs every step, prints one line for each; true when all are good. */
export const check = async (): Promise<boolean> => {
  const results: boolean[] = []
  for (const { name, command } of steps) {
    const [program, ...args] = command
    const done = await execa(program, args, { reject: false, all: true, preferLocal: true })
    if (done.failed) console.log(done.all)
    console.log(`${done.failed ? '✗' : '✓'} ${name}`)
    results.push(!done.failed)
  }
  return results.every(Boolean)
}

if (import.meta.main) process.exit((await check()) ? 0 : 1)
