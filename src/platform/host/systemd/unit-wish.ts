// What an adopted vLLM unit is to serve: a file that the daemon writes and the unit's launcher reads, with another account's eyes.
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import type { OurWords } from '../../../domain/engine-facts/vllm-launch.ts'

export interface UnitLaunch extends OurWords {
  readonly hash: string
}

export interface UnitWish {
  /** absent: its own command */
  readonly launch?: UnitLaunch
  /** the one before; without a launch: its own command */
  readonly previous?: { readonly launch?: UnitLaunch }
  readonly replicas: 0 | 1
  /** launches so far: names the next one */
  readonly starts: number
  /** run of the machine, and microseconds of its clock, when the launch was written: what started later has read it */
  readonly boot: string
  readonly since: number
  readonly at: string
}

const open = constants.O_RDONLY | constants.O_NOFOLLOW

/** Undefined: nothing is wished. Never says what stands in the file: a launcher may be root, and the journal is read by others. */
export const readWish = (path: string): UnitWish | undefined => {
  let file: number
  try {
    file = openSync(path, open)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  try {
    const wish: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (isWish(wish)) return wish
  } catch {
    // said below
  } finally {
    closeSync(file)
  }
  throw new Error(`${path} is not what switchyard host writes`)
}

const isWords = (value: unknown): boolean =>
  Array.isArray(value) && value.every(one => typeof one === 'string' && !one.includes('\0'))

const isLaunch = (value: unknown): boolean => {
  if (value === undefined) return true
  if (typeof value !== 'object' || value === null) return false
  const { model, servedNames, args } = value as Partial<Record<keyof UnitLaunch, unknown>>
  return typeof model === 'string' && isWords(servedNames) && isWords(args)
}

const isWish = (value: unknown): value is UnitWish =>
  typeof value === 'object' && value !== null && isLaunch((value as { readonly launch?: unknown }).launch)

/** On the disk when it returns. */
export const writeWish = (path: string, wish: UnitWish): void => {
  const file = openSync(`${path}.new`, 'w')
  try {
    // Whatever our umask is: another account reads it.
    fchmodSync(file, 0o644)
    writeSync(file, JSON.stringify(wish))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
}

export const dropWish = (path: string): void => rmSync(path, { force: true })
