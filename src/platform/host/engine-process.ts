// Engines as plain processes: their start, whether they listen, what is left of them.
import { statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Ref } from '../../domain/object.ts'
import { type Started, startDetached } from './detached.ts'
import type { EngineKeeper } from './engine-keeper.ts'
import { type LogPlaces, makeLog, readLog, removeLogs, shortenLog } from './engine-logs.ts'
import { findProcesses, type ProcessMark } from './process-mark.ts'
import type { Run } from './serving-records.ts'
import { ownProgram } from './serving-render.ts'
import { holdsSocket, listenersOn } from './sockets.ts'

export interface EnginePlaces extends LogPlaces {
  /** what engines are started with */
  readonly environment: Readonly<Record<string, string>>
  /** this program, as words: what an engine inside it is started by */
  readonly program: readonly string[]
}

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
  const { folder, logFile } = makeLog(places, ref, name)
  return startDetached({
    command: toWords(places, template.words),
    environment: { ...places.environment, ...template.environment },
    folder,
    logFile,
    token,
  })
}

/** Of an engine inside this program: the words that start it, wherever it lies. */
export const toWords = (
  { program }: Pick<EnginePlaces, 'program'>,
  words: readonly string[],
): readonly string[] => (words[0] === ownProgram ? [...program, ...words.slice(1)] : words)

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
