// A store as somebody sees it who is not its daemon: read and never written, without taking the lock for longer than a look.
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { migrations } from '../host-schema.ts'

export type StoreSight =
  | { readonly state: 'Absent' }
  | { readonly state: 'Good' }
  | { readonly state: 'InUse'; readonly pid?: number; readonly program: string; readonly isDaemon: boolean }
  | { readonly state: 'Newer'; readonly message: string }
  | { readonly state: 'Damaged'; readonly message: string }

export const readStoreSight = (file: string): StoreSight => {
  if (!statSync(file, { throwIfNoEntry: false })) return { state: 'Absent' }
  const holder = holderOf(file)
  if (holder) return { state: 'InUse', ...holder }
  try {
    return readOpen(file)
  } catch (error) {
    const { message } = error as Error
    return /locked|busy/.test(message)
      ? { state: 'InUse', program: 'a process of another user', isDaemon: true }
      : { state: 'Damaged', message }
  }
}

const readOpen = (file: string): StoreSight => {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const sqlite = new DatabaseSync(file, { readOnly: true })
  try {
    const schema = Number(sqlite.prepare('PRAGMA user_version').get()?.['user_version'])
    if (schema > migrations.length)
      return {
        state: 'Newer',
        message: `${file} was written by a newer switchyard (schema ${schema}, known ${migrations.length})`,
      }
    const said = String(sqlite.prepare('PRAGMA quick_check(1)').get()?.['quick_check'])
    return said === 'ok' ? { state: 'Good' } : { state: 'Damaged', message: said }
  } finally {
    sqlite.close()
  }
}

/** The process that has it open, as far as we may see. */
const holderOf = (file: string) => {
  const path = realpathSync(file)
  const pid = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .find(name => linksOf(`/proc/${name}/fd`).includes(path))
  if (pid === undefined) return undefined
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean)
  return { pid: Number(pid), program: nameOf(words), isDaemon: words.includes('host') }
}

const nameOf = ([first = 'a process', second = '']: readonly string[]): string =>
  [first, second]
    .map(word => word.slice(word.lastIndexOf('/') + 1))
    .join(' ')
    .trim()

const linksOf = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder).map(name => readlinkSync(`${folder}/${name}`))
  } catch {
    return []
  }
}
