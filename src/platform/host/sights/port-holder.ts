// Who listens on a port of this machine, by name and number, and whether it is an engine of ours.
import { readdirSync, readFileSync } from 'node:fs'
import { tokenVariable } from '../process-mark.ts'
import { holdsSocket, listenersOn } from '../sockets.ts'

export interface PortHolder {
  /** absent for a process that we may not look into */
  readonly pid?: number
  readonly program: string
  readonly isOurs: boolean
}

export const findPortHolder = (port: number): PortHolder | undefined => {
  const inodes = listenersOn(port)
  if (inodes.length === 0) return undefined
  const pids = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
  const pid = pids.find(one => holdsSocket([one], inodes))
  if (pid === undefined) return { program: 'a process of another user', isOurs: false }
  const read = (name: string): string => readText(`/proc/${pid}/${name}`)
  return {
    pid,
    program: read('comm').trim(),
    isOurs: read('environ')
      .split('\0')
      .some(one => one.startsWith(`${tokenVariable}=`)),
  }
}

const readText = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
