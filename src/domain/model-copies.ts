// What one wanted copy needs next: pure, one copy at a time; the rules only pick the caption.
import { canServe, formatOf } from './artifact.ts'
import { laneState, retryWords, untilRetry } from './attempts.ts'
import type { Reason } from './conditions.ts'
import type { ModelAction, ModelPhase, StartWork } from './decision.ts'
import { budgetOf, type Ledger } from './ledger.ts'
import type { Copy } from './model.ts'
import { copyKey, hasEnded, type ModelFacts, subjectOf, unsettled } from './model-settle.ts'
import { isProblem, type WantingRuntime } from './observation.ts'
import type { VolumeView, WorkView } from './platform.ts'
import { toPercent } from './progress.ts'

/** A place where a copy is wanted, with the runtimes that want it; without a volume when it cannot be found yet. */
export interface Wanted {
  readonly runtimes: readonly WantingRuntime[]
  readonly volume?: VolumeView
  readonly copy?: Copy
  readonly work?: WorkView
}

export interface CopyPlan {
  readonly wanted: Wanted
  readonly phase: ModelPhase
  readonly reason: Reason
  readonly message: string
  readonly actions: readonly ModelAction[]
  readonly again?: number
}

/** Not wished any more, and serving still: what is true of its copy is told until nobody uses it. */
const isServedFrom = ({ seen, status, resolved }: ModelFacts, { name, volume }: WantingRuntime): boolean => {
  if (isProblem(volume) || !seen.usedBy.includes(name)) return false
  const { namespace } = seen.model.metadata
  const copy = status.copies?.find(one => copyKey(namespace, one) === volume.key)
  return isVerified(copy, resolved?.revision, volume)
}

/** What the engine of a Runtime cannot serve is not fetched because it is active there: the Runtime says so. */
const isServable = ({ seen, resolved }: ModelFacts, { why, engine }: WantingRuntime): boolean => {
  const format = formatOf(seen.model.spec.source, resolved?.format)
  return why !== 'Active' || !engine || !format || canServe(engine, format)
}

/** As many as the schema of the status takes; what is begun must be remembered. */
const mostCopies = 32

const tooMany = (runtime: WantingRuntime): WantingRuntime => ({
  ...runtime,
  volume: { reason: 'Policy', message: `a Model can have copies on at most ${mostCopies} volumes` },
})

/** Groups the wanting runtimes by volume; each that has none stands alone. */
export const wantedCopies = (facts: ModelFacts): Wanted[] => {
  const { seen, status } = facts
  const wanting = seen.runtimes
    .filter(runtime => runtime.why !== 'Used' || isServedFrom(facts, runtime))
    .filter(runtime => isServable(facts, runtime))
  const groups = new Map<string, WantingRuntime[]>()
  for (const runtime of wanting) {
    const key = isProblem(runtime.volume) ? `?${runtime.name}` : runtime.volume.key
    groups.set(key, [...(groups.get(key) ?? []), runtime])
  }
  let room = mostCopies - (status.copies?.length ?? 0)
  return [...groups].map(([key, runtimes]) => {
    const volume = runtimes[0]?.volume
    const copy = status.copies?.find(c => copyKey(seen.model.metadata.namespace, c) === key)
    const work = seen.works.find(w => w.volume === key && !hasEnded(w))
    if (!copy && volume && !isProblem(volume) && room-- <= 0) return { runtimes: runtimes.map(tooMany) }
    return {
      runtimes,
      ...(volume && !isProblem(volume) ? { volume } : {}),
      ...(copy ? { copy } : {}),
      ...(work ? { work } : {}),
    }
  })
}

/** The receipt stands for these bytes on this very volume. */
export const isVerified = (
  copy: Copy | undefined,
  revision: string | undefined,
  volume: VolumeView,
): boolean => Boolean(copy?.receipt && copy.revision === revision && copy.claimUID === volume.claimUID)

export const planCopy = (facts: ModelFacts, wanted: Wanted): CopyPlan => {
  const { volume, copy, work } = wanted
  if (!volume) return planMissing(wanted)
  if (work) return planRunning(wanted, work)
  const verified = isVerified(copy, facts.resolved?.revision, volume)
  if (verified && !facts.verifyAsked) {
    return { wanted, phase: 'Ready', reason: 'Downloaded', message: 'verified', actions: [] }
  }
  return planFailure(facts, wanted, volume) ?? planStart(facts, wanted, volume)
}

const planMissing = (wanted: Wanted): CopyPlan => {
  const problem = wanted.runtimes[0]?.volume
  const name = wanted.runtimes[0]?.name ?? ''
  if (!problem || !isProblem(problem)) throw new Error('a copy without a volume has a problem')
  return {
    wanted,
    phase: 'Waiting',
    reason: problem.reason,
    message: `runtime ${name}: ${problem.message}`,
    actions: [],
    again: 15_000,
  }
}

const planRunning = (wanted: Wanted, work: WorkView): CopyPlan => {
  if (work.notStarted) {
    const { reason, message } = work.notStarted
    return { wanted, phase: 'Waiting', reason, message, actions: [], again: 10_000 }
  }
  const doing = work.command === 'verify' ? ('Verifying' as const) : ('Downloading' as const)
  const message = describeProgress(work)
  const stalled = work.progress?.stalled
  if (!stalled) return { wanted, phase: doing, reason: doing, message, actions: [] }
  return { wanted, phase: doing, reason: 'DownloadStalled', message: `${message}; ${stalled}`, actions: [] }
}

const describeProgress = ({ command, progress }: WorkView): string => {
  const verb = command === 'verify' ? 'hashing' : 'fetching'
  if (!progress?.bytesTotal) return `${verb}: starting`
  return `${verb}: ${toPercent(progress.bytesDone ?? 0, progress.bytesTotal)}% of ${progress.bytesTotal} bytes`
}

const planFailure = (facts: ModelFacts, wanted: Wanted, volume: VolumeView): CopyPlan | undefined => {
  const note = wanted.copy?.failure
  if (!note) return undefined
  const said = {
    wanted,
    reason: note.reason as Reason,
    message: note.message + retryWords(note),
    actions: [],
  }
  switch (laneState(note, facts.seen.now)) {
    case 'Space':
      return note.reason === 'OverBudget' && hasRoom(facts.seen.ledgers.get(volume.key), note.needBytes)
        ? undefined
        : { ...said, phase: 'Blocked', again: note.retryAt ? untilRetry(note, facts.seen.now) : 60_000 }
    case 'Over':
      return { ...said, phase: 'Failed' }
    case 'Access':
      return { ...said, phase: 'Failed', again: untilRetry(note, facts.seen.now) }
    case 'Waiting':
      return { ...said, phase: 'Waiting', again: untilRetry(note, facts.seen.now) }
    case 'Backoff':
      return { ...said, phase: 'Downloading', again: untilRetry(note, facts.seen.now) }
    default:
      return undefined
  }
}

/** Room for sure: the quota says so. Of a full disk behind it nothing is known here: that is tried again, ever less often. */
const hasRoom = (ledger: Ledger | undefined, needBytes: number | undefined): boolean => {
  const budget = ledger && budgetOf(ledger)
  return budget !== undefined && needBytes !== undefined && budget >= needBytes
}

const planStart = (facts: ModelFacts, wanted: Wanted, volume: VolumeView): CopyPlan => {
  const { seen } = facts
  const busy = seen.busy.get(volume.key)
  const queued = (message: string, reason: Reason): CopyPlan => ({
    wanted,
    phase: 'Queued',
    reason,
    message,
    actions: [],
    again: 10_000,
  })
  if (busy) return queued(busy, 'VolumeBusy')
  const { running, limit, ahead } = seen.downloads
  if (running >= limit)
    return queued(`${running} of ${limit} downloads run, ${ahead} wait before this one`, 'Queued')
  const mustVerify = wanted.copy?.receipt && wanted.copy.revision === facts.resolved?.revision
  const { quietUntil = '' } = facts.status
  const quietMs = Date.parse(quietUntil) - seen.now.getTime()
  if (!mustVerify && quietMs > 0) {
    const time = quietUntil.slice(11, 19)
    const message = `the source has no requests left for us; again at ${time} UTC`
    return { ...queued(message, 'RateLimited'), again: Math.max(1_000, quietMs) }
  }
  const command = mustVerify ? ('verify' as const) : ('download' as const)
  const phase = mustVerify ? ('Verifying' as const) : ('Downloading' as const)
  return {
    wanted,
    phase,
    reason: phase,
    message: 'starting',
    actions: [startCopy(facts, wanted, volume, command)],
  }
}

const startCopy = (
  facts: ModelFacts,
  wanted: Wanted,
  volume: VolumeView,
  command: 'download' | 'verify',
): StartWork => {
  const { seen, resolved } = facts
  if (!resolved) throw new Error('a copy is planned only after the source was resolved')
  const budgetBytes = budgetOf(
    seen.ledgers.get(volume.key) ?? { usedBytes: 0, reservedBytes: 0, holders: [] },
  )
  const where = { ...taskBase(facts), revision: resolved.revision, layout: volume.layout }
  const task =
    command === 'verify'
      ? { command, ...where }
      : {
          command,
          ...where,
          listDigest: resolved.listDigest,
          ...(budgetBytes === undefined ? {} : { budgetBytes }),
        }
  return {
    do: 'startWork',
    identity: unsettled(
      facts,
      { owner: ownerOf(facts), command, attempt: (wanted.copy?.failure?.attempts ?? 0) + 1 },
      round => subjectOf(volume, resolved.revision, round),
    ),
    task,
    volume,
    ...tokenOf(facts),
    ...(command === 'download' ? mirrorTokensOf(facts) : {}),
  }
}

export const ownerOf = ({ seen }: ModelFacts) => {
  const { namespace, name, uid } = seen.model.metadata
  return { namespace, name, uid }
}

export const tokenFile = '/var/run/switchyard/token/token'

const secretOf = ({ seen }: ModelFacts) => seen.model.spec.source.huggingFace?.tokenSecretRef

export const tokenOf = (facts: ModelFacts) => {
  const tokenSecret = secretOf(facts)
  return tokenSecret ? { tokenSecret } : {}
}

const mirrorTokensOf = ({ seen }: ModelFacts) => {
  const mirrors = seen.model.spec.source.huggingFace?.mirrors ?? []
  const mirrorSecrets = mirrors.flatMap(({ tokenSecretRef }, mirror) =>
    tokenSecretRef ? [{ mirror, ...tokenSecretRef }] : [],
  )
  return mirrorSecrets.length > 0 ? { mirrorSecrets } : {}
}

/** What every task of this Model is told. */
export const taskBase = (facts: ModelFacts) => {
  const { source } = facts.seen.model.spec
  const { local, ollama } = source
  const { tokenSecretRef: _, mirrors, ...huggingFace } = source.huggingFace ?? { repo: '', revision: '' }
  const places = mirrors?.map(({ endpoint }) => ({ endpoint }))
  return {
    owner: facts.seen.model.metadata.uid,
    source: source.huggingFace
      ? {
          huggingFace: {
            ...huggingFace,
            ...(places ? { mirrors: places } : {}),
            tag: facts.seen.model.metadata.name,
          },
        }
      : local
        ? { local }
        : { ollama },
    sourceHash: facts.seen.sourceHash,
    ...facts.seen.taskDefaults,
    ...(secretOf(facts) ? { tokenFile } : {}),
  }
}
