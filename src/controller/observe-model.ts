// Gathers everything a rule of the Model life cycle may see: caches only, so that a decision is made on one moment.
import { toLedger } from '../domain/ledger.ts'
import { toAccounts } from '../domain/model-accounts.ts'
import { copyKey } from '../domain/model-settle.ts'
import { keyOf, type Model, type Runtime } from '../domain/object.ts'
import { isProblem, type ModelObservation, type WantingRuntime } from '../domain/observation.ts'
import type { Platform, Problem, VolumeView, WorkView } from '../domain/platform.ts'
import { isNamedBy, modelsOf } from './relations.ts'
import type { Started } from './started.ts'
import type { Turns } from './turns.ts'

export interface ModelLimits {
  readonly maxDownloads: number
  /** of all namespaces together */
  readonly maxResolves: number
  readonly maxAttempts: number
  readonly taskDefaults: ModelObservation['taskDefaults']
}

export interface ModelSources {
  readonly platform: Platform
  readonly limits: ModelLimits
  readonly started: Started
  /** who waits for a place to resolve */
  readonly turns: Turns
  readonly digest: (text: string) => string
}

/** JSON with sorted keys, so that the same source has the same hash. */
export const canonical = (value: unknown): string => {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  const members = Object.entries(value).filter(([, inner]) => inner !== undefined)
  const sorted = members.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join()}}`
}

export const observeModel = (sources: ModelSources, model: Model, now: Date): ModelObservation => {
  const { platform, limits, started, digest } = sources
  const { namespace, name } = model.metadata
  const runtimes = platform.store.listRuntimes(namespace)
  const models = platform.store.listModels(namespace)
  const works = platform.work.list(model.metadata)
  for (const work of works) started.drop(work.id)
  const running = started.join(platform.work.running(namespace), namespace)
  const wanting = wantingRuntimes(platform, model, runtimes)
  const volumes = findVolumes(platform, model, { wanting, works, runtimes })
  return {
    model,
    now,
    sourceHash: digest(canonical(model.spec.source)).slice(0, 16),
    works,
    runtimes: wanting,
    volumes,
    aliases: [...new Set(runtimes.map(runtime => runtime.spec.alias))],
    usedBy: runtimes.filter(runtime => isUsing(runtime, name)).map(runtime => runtime.metadata.name),
    ledgers: new Map(volumes.map(volume => [volume.key, toLedger(volume, models, running, name)])),
    accounts: toAccounts(model, models, now),
    busy: busyVolumes({ model, running, volumes, runtimes }),
    downloads: countDownloads(model, running, models, limits),
    resolves: countResolves(sources, model),
    platform: platform.name,
    isTerminating: platform.store.isTerminating(namespace),
    maxAttempts: limits.maxAttempts,
    taskDefaults: limits.taskDefaults,
    digest,
  }
}

interface Around {
  readonly wanting: readonly WantingRuntime[]
  readonly works: readonly WorkView[]
  readonly runtimes: readonly Runtime[]
}

/** Those that want it, and, only while it has bytes elsewhere, all others: each has to be asked who shares it. */
const findVolumes = (
  platform: Platform,
  { metadata, status }: Model,
  { wanting, works, runtimes }: Around,
): VolumeView[] => {
  const wanted = byKey(wanting.map(one => one.volume))
  const copies = status.copies?.map(copy => copyKey(metadata.namespace, copy)) ?? []
  const held = [...copies, ...works.map(work => work.volume)]
  if (held.every(key => key === undefined || wanted.has(key))) return [...wanted.values()]
  return [...byKey(runtimes.map(runtime => platform.volumes.find(runtime))).values()]
}

const byKey = (found: readonly (VolumeView | Problem)[]): Map<string, VolumeView> =>
  new Map(found.flatMap(view => (isProblem(view) ? [] : [[view.key, view]])))

/** A Runtime that is going away wants nothing any more. */
const isUsing = ({ metadata, spec, status }: Runtime, name: string): boolean =>
  !metadata.deletionTimestamp &&
  [spec.activeModel, status.active?.model, status.switch?.from?.model, status.switch?.to?.model].includes(
    name,
  )

const wantingRuntimes = (
  platform: Platform,
  model: Model,
  runtimes: readonly Runtime[],
): WantingRuntime[] => {
  const { name } = model.metadata
  const known = runtimes.flatMap((runtime): WantingRuntime[] => {
    const why = whyWanting(model, runtime)
    if (!why || (runtime.metadata.deletionTimestamp && why !== 'Used')) return []
    return [
      {
        name: runtime.metadata.name,
        why,
        engine: runtime.spec.engine,
        volume: placeFor(platform, model, runtime),
      },
    ]
  })
  const missing = (model.spec.runtimes ?? []).filter(one => !runtimes.some(r => r.metadata.name === one.name))
  const unknown = missing.map(
    (one): WantingRuntime => ({
      name: one.name,
      why: 'Named',
      volume: {
        reason: 'RuntimeNotFound',
        message: `there is no Runtime ${one.name} in this namespace (for Model ${name})`,
      },
    }),
  )
  return [...known, ...unknown]
}

/** What is left of a spec that does not fit names no new place for bytes; where they are already, they are known. */
const placeFor = (
  platform: Platform,
  { metadata: { namespace }, status }: Model,
  runtime: Runtime,
): VolumeView | Problem => {
  const volume = platform.volumes.find(runtime)
  if (runtime.invalid === undefined) return volume
  const isKnown =
    !isProblem(volume) && status.copies?.some(copy => copyKey(namespace, copy) === volume.key) === true
  return isKnown ? volume : { reason: 'InvalidSpec', message: runtime.invalid }
}

const whyWanting = (model: Model, runtime: Runtime): WantingRuntime['why'] | undefined => {
  if (isNamedBy(model, runtime.metadata.name)) return 'Named'
  if (runtime.spec.activeModel === model.metadata.name) return 'Active'
  return modelsOf(runtime).includes(model.metadata.name) ? 'Used' : undefined
}

interface Places {
  readonly model: Model
  readonly running: readonly WorkView[]
  readonly volumes: readonly VolumeView[]
  readonly runtimes: readonly Runtime[]
}

/** One work per volume at a time, and none while a switch loads from it. */
const busyVolumes = ({ model, running, volumes, runtimes }: Places): Map<string, string> => {
  const busy = new Map<string, string>()
  for (const work of running) {
    const isOther = work.owner.uid !== model.metadata.uid
    if (work.volume && isOther)
      busy.set(work.volume, `the volume is busy: ${work.command} of ${work.owner.name}`)
  }
  for (const volume of volumes) {
    const loading = runtimes.find(
      runtime => volume.runtimes.includes(runtime.metadata.name) && isLoading(runtime),
    )
    if (loading) busy.set(volume.key, `runtime ${loading.metadata.name} is switching on this volume`)
  }
  return busy
}

const isLoading = ({ status }: Runtime): boolean =>
  status.switch !== undefined && status.switch.step !== 'Preflight' && status.switch.step !== 'Draining'

const countResolves = ({ platform, limits, started, turns }: ModelSources, model: Model) => {
  const { uid } = model.metadata
  const running = started.join(platform.work.running())
  return {
    // Its own, of a former source or not answered for, must not stand in its way.
    running: running.filter(({ command, owner }) => command === 'resolve' && owner.uid !== uid).length,
    limit: limits.maxResolves,
    ahead: turns.aheadOf(keyOf(model)),
  }
}

const countDownloads = (
  model: Model,
  running: readonly WorkView[],
  models: readonly Model[],
  { maxDownloads: limit }: ModelLimits,
) => {
  const downloads = running.filter(work => work.command === 'download').length
  // Thousands are gone through only where somebody is told how long the line is.
  return { running: downloads, limit, ahead: downloads < limit ? 0 : countQueued(models, model) }
}

/** The Models come in order of their creation. */
const countQueued = (models: readonly Model[], { metadata: { creationTimestamp } }: Model): number => {
  let ahead = 0
  for (const { metadata, status } of models) {
    if (metadata.creationTimestamp >= creationTimestamp) break
    if (status.phase === 'Queued') ahead++
  }
  return ahead
}
