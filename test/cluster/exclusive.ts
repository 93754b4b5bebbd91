// Machine-wide locks that cannot outlive their holder: an abstract Unix socket, which the kernel frees with the process.
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Hold = { release(): Promise<void> }

/** Takes the lock or answers undefined when another process has it. */
export function tryHold(name: string): Promise<Hold | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen(`\0switchyard-${name}`, () => {
      server.unref()
      resolve({ release: () => new Promise(done => server.close(() => done())) })
    })
  })
}

/** Runs `work` while no other process on this machine runs anything under the same name. */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  let hold = await tryHold(name)
  while (!hold) {
    await sleep(250)
    hold = await tryHold(name)
  }
  try {
    return await work()
  } finally {
    await hold.release()
  }
}
