// Which process it is: its number, when it began, and in which run of the machine. A number alone is given away again.
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessMark {
  readonly pid: number
  /** clock ticks since the machine began, as the kernel tells them */
  readonly startTime: string
  /** random, of this run of the machine */
  readonly boot: string
}

interface ProcessStat {
  readonly pid: number
  readonly state: string
  readonly group: number
  readonly session: number
  readonly startTime: string
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

export const bootOf = (): string => (read('/proc/sys/kernel/random/boot_id') ?? '').trim()

const statOf = (pid: number): ProcessStat | undefined => {
  const text = read(`/proc/${pid}/stat`)
  // The name stands in brackets and may hold anything, brackets too.
  if (text === undefined) return undefined
  const [state = '', , group, session, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { pid, state, group: Number(group), session: Number(session), startTime: rest[15] ?? '' }
}

/** Ended and not yet reaped is ended. */
const isLiving = ({ state }: ProcessStat): boolean => state !== 'Z' && state !== 'X'

/** Undefined when it has ended already. */
export const markOf = (pid: number): ProcessMark | undefined => {
  const stat = statOf(pid)
  return stat && isLiving(stat) ? { pid, startTime: stat.startTime, boot: bootOf() } : undefined
}

export const isAlive = ({ pid, startTime, boot }: ProcessMark): boolean => {
  const stat = statOf(pid)
  return stat !== undefined && isLiving(stat) && stat.startTime === startTime && boot === bootOf()
}

/** Variable that stands in the environment of what we start, and of all that it starts; recorded before it is started. */
export const tokenVariable = 'SWITCHYARD_PROCESS'

const hasToken = (pid: number, token: string): boolean =>
  read(`/proc/${pid}/environ`)?.split('\0').includes(`${tokenVariable}=${token}`) ?? false

const allStats = (): readonly ProcessStat[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => statOf(Number(name)))
    .filter(stat => stat !== undefined)

/** Every living process of one start, the oldest first: those that carry its token, and those of its leader's group without it. */
export const findProcesses = (token: string, leader?: ProcessMark): readonly ProcessMark[] => {
  const stats = allStats().filter(isLiving)
  const isOfGroup = groupOf(leader)
  return stats
    .filter(stat => isOfGroup(stat) || hasToken(stat.pid, token))
    .sort((a, b) => Number(a.startTime) - Number(b.startTime) || a.pid - b.pid)
    .map(({ pid, startTime }) => ({ pid, startTime, boot: bootOf() }))
}

/** The kernel gives no number away that a group or session still has: only a new leader of that number says that it did. */
const groupOf = (leader: ProcessMark | undefined): ((stat: ProcessStat) => boolean) => {
  if (!leader || leader.boot !== bootOf()) return () => false
  const { pid, startTime } = leader
  const isAnother = (statOf(pid)?.startTime ?? startTime) !== startTime
  return ({ group, session }) => !isAnother && group === pid && session === pid
}

/** Only to the process of the mark; one that has ended gets none. False: it was not there. */
export const signal = (mark: ProcessMark, name: NodeJS.Signals): boolean => {
  if (!isAlive(mark)) return false
  try {
    return process.kill(mark.pid, name)
  } catch {
    return false
  }
}
