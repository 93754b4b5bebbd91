// The socket of a host: one of a daemon that is dead is replaced, one of a living daemon never.
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import type { FastifyInstance } from 'fastify'

export interface SocketPlace {
  readonly path: string
  /** whose members may open it, when there is such a group; else only its owner */
  readonly group?: string
}

/** `sun_path` of Linux, less the zero at its end. */
const longest = 107

/** Throws one sentence when it cannot be had. */
export const listenOn = async (app: FastifyInstance, { path, group }: SocketPlace): Promise<void> => {
  if (Buffer.byteLength(path) > longest)
    throw new Error(`${path} is longer than the ${longest} bytes of a socket: set SWITCHYARD_SOCKET`)
  mkdirSync(dirname(path), { recursive: true, mode: group ? 0o755 : 0o700 })
  await removeStale(path)
  // From its first moment nobody else's.
  const before = process.umask(0o177)
  try {
    await app.listen({ path })
  } finally {
    process.umask(before)
  }
  chmodSync(path, 0o600)
  const id = group === undefined ? undefined : findGroup(group)
  if (id !== undefined) shareWith(path, id)
}

/** A daemon without rights may give it to a group of its own only, and a unit may forbid even that; else it stays its owner's. */
const shareWith = (path: string, id: number): void => {
  try {
    const { uid, gid } = lstatSync(path)
    if (gid !== id) chownSync(path, uid, id)
    chmodSync(path, 0o660)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  }
}

const removeStale = async (path: string): Promise<void> => {
  if (!existsSync(path)) return
  if (!lstatSync(path).isSocket())
    throw new Error(`${path} is no socket: move it away, or set SWITCHYARD_SOCKET`)
  if (await isAnswered(path)) throw new Error(`${path} is in use: another switchyard host runs on it`)
  rmSync(path, { force: true })
}

const isAnswered = (path: string): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(path)
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    // Whatever else than a refusal is not known to be dead.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    )
  })

const findGroup = (name: string): number | undefined => {
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find(one => one.startsWith(`${name}:`))
  const id = Number(line?.split(':')[2])
  return line === undefined || !Number.isInteger(id) ? undefined : id
}
