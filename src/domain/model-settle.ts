// Folds what has ended into status: each work's result exactly once, and each request of a person exactly once.
import { toNote } from './attempts.ts'
import type { Capabilities } from './capabilities.ts'
import type { Copy, ModelStatus } from './model.ts'
import { takeInherited, tellFallen, withUntaken } from './model-accounts.ts'
import { isCancelled, withCancel } from './model-cancel.ts'
import { pendingRequest } from './object.ts'
import type { ModelObservation } from './observation.ts'
import { isProblem } from './observation.ts'
import type { VolumeView, WorkIdentity, WorkView } from './platform.ts'

export interface ModelFacts {
  readonly seen: ModelObservation
  /** status after everything that ended was folded in */
  readonly status: ModelStatus
  /** the resolution that belongs to the present source; absent while there is none or a refresh is asked */
  readonly resolved?: NonNullable<ModelStatus['resolved']>
  readonly verifyAsked: boolean
}

/** A claim that was made anew under the same name is another volume, and work on it another work. */
export const subjectOf = (
  { key, claimUID }: Pick<VolumeView, 'key' | 'claimUID'>,
  revision: string,
  round: number,
): string => `${key}@${revision}#${round}~${claimUID}`
export const resolveSubject = (sourceHash: string, round: number): string => `${sourceHash}#${round}`

/** The same identity is the same work, on any controller. */
export const workId = (digest: (text: string) => string, identity: WorkIdentity): string => {
  const { owner, command, subject, attempt } = identity
  return digest(`${owner.uid}/${command}/${subject}/${attempt}`).slice(0, 20)
}

/** The identity with the first round, from the present one on, that was not settled: what is done once more is another work. */
export const unsettled = (
  facts: Pick<ModelFacts, 'seen' | 'status'>,
  identity: Omit<WorkIdentity, 'subject'>,
  toSubject: (round: number) => string,
): WorkIdentity => {
  const settled = facts.status.settledWorks ?? []
  for (let round = facts.status.round ?? 0; ; round++) {
    const whole = { ...identity, subject: toSubject(round) }
    if (!settled.includes(workId(facts.seen.digest, whole))) return whole
  }
}

/** A resolve of the present source that was not begun before the last new round. */
export const isPresentResolve = (
  sourceHash: string,
  { round = 0 }: ModelStatus,
  { command, subject }: WorkIdentity,
): boolean => {
  const [hash, number] = subject.split('#')
  return command === 'resolve' && hash === sourceHash && Number(number) >= round
}

const revisionIn = (subject: string): string =>
  subject.slice(subject.lastIndexOf('@') + 1, subject.lastIndexOf('#'))

/** Undefined for a work of v0.1.0. */
const claimIn = (subject: string): string | undefined => subject.split('#').at(-1)?.split('~')[1]

export const copyKey = (namespace: string, copy: Pick<Copy, 'claim' | 'subPath'>): string =>
  `${namespace}/${copy.claim}/${copy.subPath}`

export const hasEnded = (work: WorkView): boolean => work.phase === 'Succeeded' || work.phase === 'Failed'

/** The facts a rule of the Model life cycle looks at. */
export const settleModel = (given: ModelObservation): ModelFacts => {
  const seen = withoutSettled(given)
  const { inherited, untaken } = seen.accounts
  const begun = takeInherited(withUntaken(recallCopies(seen, beginAnew(seen)), untaken), inherited)
  const fresh = seen.works.filter(hasEnded)
  const folded = fresh
    .sort((a, b) => a.startedAt.localeCompare(b.startedAt))
    .reduce((status, work) => fold(seen, status, work), begun)
  const ended = [...fresh.map(({ id }) => id), ...inherited.map(({ work }) => work)]
  const ids = [...(seen.model.status.settledWorks ?? []), ...ended].slice(-32)
  const noted = withCancel(seen.model, folded, seen.now)
  const status = ids.length > 0 ? { ...noted, settledWorks: ids } : noted
  const resolved =
    status.resolved?.sourceHash === seen.sourceHash && !isRefreshOpen(seen, status)
      ? status.resolved
      : undefined
  const verifyAsked = pendingRequest({ ...seen.model, status }, 'verify') !== undefined
  return { seen, status, verifyAsked, ...(resolved ? { resolved } : {}) }
}

/** What is settled has nothing more to say, also when it is seen as running: by a cache that is behind, or begun once more by a leader of before. */
const withoutSettled = (seen: ModelObservation): ModelObservation => {
  const settled = seen.model.status.settledWorks ?? []
  const works = seen.works.filter(work => !settled.includes(work.id))
  return works.length === seen.works.length ? seen : { ...seen, works }
}

const isRefreshOpen = (seen: ModelObservation, status: ModelStatus): boolean => {
  const asked = pendingRequest({ ...seen.model, status }, 'refresh')
  return asked !== undefined
}

/** A retry or an edited spec forgets failures; both, and a refresh, start a new round so that no old work is taken for a new one. */
const beginAnew = (seen: ModelObservation): ModelStatus => {
  const { status, metadata } = seen.model
  const hasFailures = Boolean(status.failure || status.copies?.some(copy => copy.failure))
  const isEdited =
    status.observedGeneration !== undefined && status.observedGeneration !== metadata.generation
  const asked = pendingRequest(seen.model, 'retry')
  const handled = asked ? { ...status, lastHandled: { ...status.lastHandled, retry: asked } } : status
  if (!hasFailures || (!isEdited && !asked)) return handled
  const { failure: _, ...kept } = handled
  const copies = kept.copies?.map(({ failure: _gone, ...copy }) => copy)
  return { ...kept, round: (status.round ?? 0) + 1, ...(copies ? { copies } : {}) }
}

/** A copy whose work was started by a controller that died before it could write so. */
const recallCopies = (seen: ModelObservation, status: ModelStatus): ModelStatus => {
  const { namespace } = seen.model.metadata
  const known = status.copies ?? []
  const lost = seen.works
    .filter(work => work.command === 'download' && work.volume?.startsWith(`${namespace}/`))
    .map(work => toLostCopy(namespace, work.volume ?? ''))
    .filter(copy => !known.some(one => copyKey(namespace, one) === copyKey(namespace, copy)))
  return lost.length > 0 ? { ...status, copies: [...known, ...lost] } : status
}

const toLostCopy = (namespace: string, volumeKey: string): Copy => {
  const [claim = '', ...subPath] = volumeKey.slice(namespace.length + 1).split('/')
  const where = { claim, subPath: subPath.join('/') }
  return { ...where, runtimes: [], origin: 'Fetched', isNamed: false, phase: 'Downloading' }
}

const fold = (seen: ModelObservation, status: ModelStatus, work: WorkView): ModelStatus => {
  if (work.command === 'resolve') return foldResolve(seen, status, work)
  const index = (status.copies ?? []).findIndex(
    copy => copyKey(seen.model.metadata.namespace, copy) === work.volume,
  )
  const copy = status.copies?.[index]
  if (!copy) return status
  const next = foldCopy(seen, copy, work)
  if (!next) return tellFallen(withoutCopy(status, copy), copy, work)
  const copies = (status.copies ?? []).map((old, i) => (i === index ? next : old))
  const verified = work.command === 'verify' ? pendingRequest(seen.model, 'verify') : undefined
  return {
    ...status,
    copies,
    ...(verified ? { lastHandled: { ...status.lastHandled, verify: verified } } : {}),
  }
}

const withoutCopy = (status: ModelStatus, gone: Copy): ModelStatus => ({
  ...status,
  copies: (status.copies ?? []).filter(copy => copy !== gone),
})

const foldResolve = (seen: ModelObservation, status: ModelStatus, work: WorkView): ModelStatus => {
  if (!isPresentResolve(seen.sourceHash, status, work)) return status
  const resolution = work.result?.resolution
  if (!resolution && isCancelled(status)) return status
  if (!resolution) return { ...status, failure: toNote(work, seen.maxAttempts, seen.now) }
  const { capabilities: detected, ...resolved } = resolution
  const { failure, capabilities: _, quietUntil: __, ...kept } = status
  const quietMs = (work.result?.quietSeconds ?? 0) * 1000
  const capabilities: Capabilities = { ...detected, ...withoutAbsent(seen.model.spec.capabilities) }
  const refresh = pendingRequest(seen.model, 'refresh')
  return {
    ...kept,
    ...(isCancelled(status) ? { failure } : {}),
    resolved,
    ...(quietMs > 0 ? { quietUntil: new Date(seen.now.getTime() + quietMs).toISOString() } : {}),
    ...(Object.keys(capabilities).length > 0 ? { capabilities } : {}),
    ...(refresh ? { lastHandled: { ...status.lastHandled, refresh } } : {}),
  }
}

const withoutAbsent = (given: Capabilities | undefined): Capabilities =>
  Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined))

/** The copy after its work; undefined when it was removed. */
const foldCopy = (seen: ModelObservation, copy: Copy, work: WorkView): Copy | undefined => {
  if (work.command === 'remove' && work.result?.removed) return undefined
  const done = work.result?.copy
  if (!done) return foldTrouble(seen, copy, work)
  const revision = revisionIn(work.subject)
  const claimUID = claimIn(work.subject) ?? volumeOf(seen, copy)?.claimUID
  const { failure: _, reason: __, message: ___, ...kept } = copy
  return {
    ...kept,
    origin: done.isAdopted && !hasFetched(copy) ? 'Adopted' : 'Fetched',
    revision,
    receipt: done.receipt,
    bytesDone: done.bytes,
    bytesStored:
      work.command === 'verify' ? (copy.bytesStored ?? 0) : storedBytes(copy, revision, done.bytesFetched),
    ...(claimUID ? { claimUID } : {}),
    ...(done.path ? { path: done.path } : {}),
    ...(done.note ? { message: done.note } : {}),
  }
}

/** A revision that was found there does not make those fetched before it somebody else's. */
const hasFetched = ({ origin, revision }: Copy): boolean => origin === 'Fetched' && revision !== undefined

/** Bytes that did not verify are no copy any more: they are fetched again. */
const foldTrouble = (seen: ModelObservation, copy: Copy, work: WorkView): Copy => {
  if (work.command !== 'verify' || work.result?.failure?.reason !== 'Integrity') {
    return { ...copy, failure: toNote(work, seen.maxAttempts, seen.now) }
  }
  const { receipt: _, failure: __, ...kept } = copy
  return kept
}

const storedBytes = (copy: Copy, revision: string, fetched: number): number =>
  copy.revision === revision ? Math.max(copy.bytesStored ?? 0, fetched) : (copy.bytesStored ?? 0) + fetched

const volumeOf = (seen: ModelObservation, copy: Copy): VolumeView | undefined => {
  const key = copyKey(seen.model.metadata.namespace, copy)
  for (const { volume } of seen.runtimes) if (!isProblem(volume) && volume.key === key) return volume
  return undefined
}
