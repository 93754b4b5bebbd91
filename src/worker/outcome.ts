// What a work ends with: a typed failure for every error, an exit code for every class, a result that fits its message.
import { type Reason, shortMessage } from '../domain/conditions.ts'
import { exitCodes } from '../domain/exit-codes.ts'
import { NotSupported, Rejected, Transient, Waiting } from '../domain/failure.ts'
import type { WorkerResult, WorkFailure } from '../domain/worker-task.ts'

const laterReasons: readonly Reason[] = [
  'SourceUnavailable',
  'RateLimited',
  'TransferFailed',
  'Interrupted',
  'Unexpected',
]
const whenAbleReasons: readonly Reason[] = [
  'TokenSecretMissing',
  'OverBudget',
  'NoSpace',
  'VolumeNotWritable',
]

const toRetry = (reason: Reason): WorkFailure['retry'] => {
  if (laterReasons.includes(reason)) return 'Later'
  return whenAbleReasons.includes(reason) ? 'WhenAble' : 'Never'
}

/** The only error that the worker throws on purpose; anything else is turned into one at the edge. */
export class WorkError extends Error {
  readonly failure: WorkFailure
  constructor(reason: Reason, message: string, more: Partial<WorkFailure> = {}) {
    super(message)
    this.name = 'WorkError'
    this.failure = {
      reason,
      message: shortMessage(message.slice(0, 512), 512),
      retry: toRetry(reason),
      ...more,
    }
  }
}

const diskReasons: Readonly<Record<string, Reason>> = {
  ENOSPC: 'NoSpace',
  EDQUOT: 'NoSpace',
  EACCES: 'VolumeNotWritable',
  EPERM: 'VolumeNotWritable',
  EROFS: 'VolumeNotWritable',
  EIO: 'Volume',
  ESTALE: 'Volume',
}

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

/** Of the volume, not of the network: what a transfer must not try again. */
export const isDiskError = (error: unknown): boolean =>
  error instanceof Error && 'syscall' in error && 'errno' in error

const fromDomain = (error: unknown): WorkError | undefined => {
  if (error instanceof Rejected || error instanceof NotSupported) {
    return new WorkError(error.reason, error.message, { retry: 'Never' })
  }
  if (error instanceof Waiting) return new WorkError(error.reason, error.message, { retry: 'WhenAble' })
  if (error instanceof Transient) return new WorkError(error.reason, error.message, { retry: 'Later' })
  return undefined
}

export const toFailure = (error: unknown): WorkFailure => {
  if (error instanceof WorkError) return error.failure
  const known = fromDomain(error)
  if (known) return known.failure
  const reason = diskReasons[codeOf(error)]
  const message = error instanceof Error ? error.message : String(error)
  if (!reason) return new WorkError('Unexpected', message).failure
  return new WorkError(reason, message, codeOf(error) === 'ESTALE' ? { retry: 'Later' } : {}).failure
}

export const toExitCode = (result: WorkerResult): number => {
  const { failure } = result
  if (!failure) return exitCodes.ok
  return { Never: exitCodes.never, WhenAble: exitCodes.whenAble, Later: exitCodes.later }[failure.retry]
}

/** Kubernetes cuts a termination message at this many bytes. */
const resultLimit = 4096

const withoutTemplate = (result: WorkerResult): WorkerResult => {
  if (!result.resolution?.capabilities) return result
  const { promptTemplate: _, ...capabilities } = result.resolution.capabilities
  return { ...result, resolution: { ...result.resolution, capabilities } }
}

const withoutCapabilities = (result: WorkerResult): WorkerResult => {
  if (!result.resolution) return result
  const { capabilities: _, licence: __, ...resolution } = result.resolution
  return { ...result, resolution }
}

const withShortMessage = (result: WorkerResult): WorkerResult =>
  result.failure
    ? { ...result, failure: { ...result.failure, message: shortMessage(result.failure.message, 256) } }
    : result

/** One line of at most 4,096 bytes: what is least needed is left out first. */
export const printResult = (result: WorkerResult): string => {
  const smaller = [withoutTemplate, withShortMessage, withoutCapabilities]
  let left = result
  for (const step of smaller) {
    if (Buffer.byteLength(JSON.stringify(left)) <= resultLimit) break
    left = step(left)
  }
  return JSON.stringify(left)
}
