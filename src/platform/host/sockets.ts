// Who listens on a port of this machine, by the kernel's own tables: a port that answers proves nothing about whose process it is.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const listening = '0A'

interface Listener {
  readonly inode: string
  /** account that made it */
  readonly uid: number
}

const listeners = (port: number): readonly Listener[] =>
  ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap(table => rowsOf(table))
    .flatMap(row => {
      const [, local = '', , state, , , , uid, , inode = ''] = row.trim().split(/\s+/)
      const isOn = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16) === port
      return isOn && state === listening ? [{ inode, uid: Number(uid) }] : []
    })

/** Numbers of the sockets that listen on the port, on whatever address. */
export const listenersOn = (port: number): readonly string[] => listeners(port).map(({ inode }) => inode)

/** The account has a socket that listens there. */
export const isListenerOf = (port: number, account: number): boolean =>
  listeners(port).some(({ uid }) => uid === account)

const rowsOf = (table: string): readonly string[] => {
  try {
    return readFileSync(table, 'latin1').split('\n').slice(1, -1)
  } catch {
    return []
  }
}

/** One of the processes has one of the sockets. */
export const holdsSocket = (pids: readonly number[], inodes: readonly string[]): boolean =>
  inodes.length > 0 && pids.some(pid => socketsOf(pid).some(inode => inodes.includes(inode)))

const socketsOf = (pid: number): readonly string[] => {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).flatMap(fd => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${fd}`))?.[1]
      return inode === undefined ? [] : [inode]
    })
  } catch {
    return []
  }
}

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
