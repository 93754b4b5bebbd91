// The process of one work: what hinders its start, its start, what it has told so far, and how it ended.
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { toRepoPath } from '../../domain/names.ts'
import type { Problem } from '../../domain/platform.ts'
import { type Progress, parseProgressLine } from '../../domain/progress.ts'
import {
  parseWorkerResult,
  type SecretFiles,
  type WorkerResult,
  withSecretFiles,
} from '../../domain/worker-task.ts'
import { type Started, startDetached } from './detached.ts'
import { findDirectory } from './directory.ts'
import { readTail } from './tail.ts'
import type { Job, WorkRecord } from './work-records.ts'

export interface WorkerProgram {
  /** this program: `worker run …` is put behind it */
  readonly command: readonly string[]
  /** proxy, certificates, home: never a secret */
  readonly environment: Readonly<Record<string, string>>
  /** `<folder>/<namespace>/<id>` holds what a work told and its result */
  readonly folder: string
  /** `<folder>/<name>/<key>`: Secrets, readable by nobody else */
  readonly secretsFolder: string
}

const folderOf = ({ folder }: WorkerProgram, { owner, id }: Job): string =>
  join(folder, toRepoPath(owner.namespace), toRepoPath(id))

interface SecretKey {
  readonly name: string
  readonly key: string
}

const secretFile = ({ secretsFolder }: WorkerProgram, { name, key }: SecretKey): string =>
  join(secretsFolder, toRepoPath(`${name}/${key}`))

const secretFiles = (program: WorkerProgram, { tokenSecret, mirrorSecrets = [] }: Job): SecretFiles => ({
  ...(tokenSecret ? { own: secretFile(program, tokenSecret) } : {}),
  mirrors: mirrorSecrets.map(secret => ({ mirror: secret.mirror, file: secretFile(program, secret) })),
})

/** Throws Rejected for a word that could lead elsewhere. */
export const checkPaths = (program: WorkerProgram, job: Job): void => {
  folderOf(program, job)
  secretFiles(program, job)
}

/** Undefined when it can be started. */
export const findHindrance = (program: WorkerProgram, job: Job): Problem | undefined => {
  const { volume } = job
  const directory = volume && findDirectory(volume.mountPath)
  if (volume && !directory)
    return { reason: 'ClaimNotFound', message: `folder ${volume.mountPath} does not exist: mount its disk` }
  if (volume && directory?.uid !== volume.claimUID)
    return { reason: 'ClaimNotFound', message: `folder ${volume.mountPath} is another one now` }
  const { own, mirrors = [] } = secretFiles(program, job)
  return [own, ...mirrors.map(({ file }) => file)].map(openSecret).find(Boolean)
}

/** One that is not there is the worker's to tell. */
const openSecret = (file: string | undefined): Problem | undefined => {
  const mode = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false })?.mode
  if (mode === undefined || (mode & 0o077) === 0) return undefined
  return { reason: 'TokenSecretMissing', message: `${file} can be read by others: chmod 600 it` }
}

export const startWorker = (program: WorkerProgram, { job, token }: WorkRecord): Started => {
  const folder = folderOf(program, job)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const task = JSON.stringify(withSecretFiles(job.task, secretFiles(program, job)))
  const words = ['worker', 'run', '--task', task, '--result-file', join(folder, 'result')]
  return startDetached({
    command: [...program.command, ...words],
    environment: program.environment,
    folder,
    logFile: join(folder, 'told'),
    token,
  })
}

export interface Told {
  readonly progress?: Progress
  readonly progressAt?: string
}

/** A progress line has at most 4 KiB. */
const tailBytes = 16 * 1024

/** The newest progress line; what was told `before` when nothing came since. */
export const readTold = (program: WorkerProgram, job: Job, before: Told = {}): Told => {
  const file = join(folderOf(program, job), 'told')
  const at = timeOf(file)
  if (at === undefined || at === before.progressAt) return before
  const lines = readTail(file, tailBytes).split('\n').slice(0, -1)
  const progress = lines.map(parseProgressLine).findLast(Boolean)
  return progress ? { progress, progressAt: at } : before
}

export interface Ending {
  /** by its files, so that every reader tells the same */
  readonly endedAt: string
  readonly result?: WorkerResult
}

/** Of a work whose process is gone. */
export const readEnding = (program: WorkerProgram, { job, startedAt }: WorkRecord): Ending => {
  const folder = folderOf(program, job)
  const file = join(folder, 'result')
  const result = parseWorkerResult(readIfThere(file))
  const endedAt = timeOf(file) ?? timeOf(join(folder, 'told')) ?? startedAt
  return { endedAt: endedAt < startedAt ? startedAt : endedAt, ...(result ? { result } : {}) }
}

export const hasResult = (program: WorkerProgram, job: Job): boolean =>
  parseWorkerResult(readIfThere(join(folderOf(program, job), 'result'))) !== undefined

export const removeTold = (program: WorkerProgram, job: Job): void =>
  rmSync(folderOf(program, job), { recursive: true, force: true })

const readIfThere = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

const timeOf = (file: string): string | undefined =>
  statSync(file, { throwIfNoEntry: false })?.mtime.toISOString()
