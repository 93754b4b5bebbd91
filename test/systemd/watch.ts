// The watch of a daemon in the box: its socket lies where nobody outside can see it.
import { createInterface } from 'node:readline'
import type { System } from './system.ts'

const script = `process.getBuiltinModule('http').get({ socketPath: '/run/switchyard/switchyard.sock', path: process.argv[1] }, answer => answer.pipe(process.stdout))`

/** Each version of these objects, until the signal or the end of the daemon. */
export async function* watchIn(
  system: Pick<System, 'enter'>,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<{ readonly object: unknown }> {
  const child = system.enter(['node', '-e', script, `${path}&watch=true`])
  const end = (): void => void child.kill()
  signal.addEventListener('abort', end, { once: true })
  for await (const line of createInterface({ input: child.stdout })) if (line) yield JSON.parse(line)
  signal.removeEventListener('abort', end)
}
