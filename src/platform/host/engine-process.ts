// Engines as plain processes: their start, whether they listen, what is left of them, their logs.
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { toRepoPath } from '../../domain/names.ts'
import type { Ref } from '../../domain/object.ts'
import { type Started, startDetached } from './detached.ts'
import type { EngineKeeper } from './engine-keeper.ts'
import { findProcesses, type ProcessMark } from './process-mark.ts'
import type { Run } from './serving-records.ts'
import { ownProgram } from './serving-render.ts'
import { holdsSocket, listenersOn } from './sockets.ts'
import { readTail } from './tail.ts'

export interface EnginePlaces {
  /** `<folder>/<namespace>/<name>/` holds the logs of a Runtime's engine */
  readonly folder: string
  /** what engines are started with */
  readonly environment: Readonly<Record<string, string>>
  /** this program, as words: what an engine inside it is started by */
  readonly program: readonly string[]
}

const logsKept = 5
const longestLog = 64 * 1024 * 1024
const tailBytes = 256 * 1024

const folderOf = ({ folder }: EnginePlaces, { namespace, name }: Ref): string =>
  join(folder, toRepoPath(namespace), toRepoPath(name))

const logOf = (places: EnginePlaces, ref: Ref, run: string): string =>
  join(folderOf(places, ref), `${toRepoPath(run)}.log`)

export const createProcessKeeper = (places: EnginePlaces): EngineKeeper => ({
  what: 'plain processes',
  isLimiting: false,
  start: (record, run) => startEngine(places, record, run),
  left: (_, { token, mark }) => findProcesses(token, mark),
  shortenLog: (ref, { name }) => shortenLog(places, ref, name),
  logs: async (ref, run, lines) => readLog(places, ref, run).slice(-lines),
  drop: ref => removeLogs(places, ref),
})

const startEngine = (places: EnginePlaces, ref: Ref, { name, token, template }: Run): Started => {
  const folder = folderOf(places, ref)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  forgetLogs(folder)
  return startDetached({
    command: toWords(places, template.words),
    environment: { ...places.environment, ...template.environment },
    folder,
    logFile: logOf(places, ref, name),
    token,
  })
}

const toWords = ({ program }: EnginePlaces, words: readonly string[]): readonly string[] =>
  words[0] === ownProgram ? [...program, ...words.slice(1)] : words

/** Those of the last runs stay: why one failed is asked when the next one serves. */
const forgetLogs = (folder: string): void => {
  const age = (file: string): number => statSync(join(folder, file), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const logs = readdirSync(folder).sort((a, b) => age(b) - age(a))
  for (const log of logs.slice(logsKept - 1)) rmSync(join(folder, log), { force: true })
}

/** What is appended goes on at the new end: the engine writes to a file that was opened for appending. */
const shortenLog = (places: EnginePlaces, ref: Ref, run: string): void => {
  const log = logOf(places, ref, run)
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) < longestLog) return
  copyFileSync(log, `${log}.before`)
  truncateSync(log)
}

const readLog = (places: EnginePlaces, ref: Ref, run: string): readonly string[] => {
  const lines = readTail(logOf(places, ref, run), tailBytes).split('\n')
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}

const removeLogs = (places: EnginePlaces, ref: Ref): void =>
  rmSync(folderOf(places, ref), { recursive: true, force: true })

/** A process of the run has the port, which says more than that it answers. */
export const isListening = ({ template, mark }: Run, left: () => readonly ProcessMark[]): boolean => {
  const inodes = listenersOn(template.port)
  if (inodes.length === 0) return false
  const pids = () => left().map(({ pid }) => pid)
  return holdsSocket(mark ? [mark.pid] : [], inodes) || holdsSocket(pids(), inodes)
}

export const isPortTaken = (port: number): boolean => listenersOn(port).length > 0

/** Whether the word leads to a program; with a slash it is the path. */
export const isProgram = ({ environment }: EnginePlaces, word: string): boolean => {
  if (word === ownProgram) return true
  const folders = word.includes('/') ? [''] : (environment['PATH'] ?? '').split(delimiter)
  return folders.some(folder => statSync(join(folder, word), { throwIfNoEntry: false })?.isFile() ?? false)
}
