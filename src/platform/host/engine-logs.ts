// What engines told, in a file for each run: those of the last runs stay.
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { toRepoPath } from '../../domain/names.ts'
import type { Ref } from '../../domain/object.ts'
import { readTail } from './tail.ts'

export interface LogPlaces {
  /** `<folder>/<namespace>/<name>/` holds the logs of a Runtime's engine */
  readonly folder: string
}

const logsKept = 5
const longestLog = 64 * 1024 * 1024
const tailBytes = 256 * 1024

const folderOf = ({ folder }: LogPlaces, { namespace, name }: Ref): string =>
  join(folder, toRepoPath(namespace), toRepoPath(name))

const logOf = (places: LogPlaces, ref: Ref, run: string): string =>
  join(folderOf(places, ref), `${toRepoPath(run)}.log`)

/** Where the run is to write. */
export const makeLog = (places: LogPlaces, ref: Ref, run: string) => {
  const folder = folderOf(places, ref)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  forgetLogs(folder)
  return { folder, logFile: logOf(places, ref, run) }
}

/** Those of the last runs stay: why one failed is asked when the next one serves. */
const forgetLogs = (folder: string): void => {
  const age = (file: string): number => statSync(join(folder, file), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const logs = readdirSync(folder).sort((a, b) => age(b) - age(a))
  for (const log of logs.slice(logsKept - 1)) rmSync(join(folder, log), { force: true })
}

/** What is appended goes on at the new end: the engine writes to a file that was opened for appending. */
export const shortenLog = (places: LogPlaces, ref: Ref, run: string): void => {
  const log = logOf(places, ref, run)
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) < longestLog) return
  copyFileSync(log, `${log}.before`)
  truncateSync(log)
}

export const readLog = (places: LogPlaces, ref: Ref, run: string): readonly string[] => {
  const lines = readTail(logOf(places, ref, run), tailBytes).split('\n')
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}

export const removeLogs = (places: LogPlaces, ref: Ref): void =>
  rmSync(folderOf(places, ref), { recursive: true, force: true })
