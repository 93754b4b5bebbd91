// Units of somebody else: systemd says whether they are there and run, the journal what they told. To an Ollama nothing is done but through
// its API, and no right is needed for that; a vLLM is switched as `switched-units.ts` says.
import { NotSupported } from '../../../domain/failure.ts'
import { type Runtime, toKey } from '../../../domain/object.ts'
import type { PodSight, Problem, Servings, ServingView, Volumes, Wake } from '../../../domain/platform.ts'
import { addressOf, portOf } from '../serving-render.ts'
import { ofUnit, type Scope } from './scope.ts'
import { createSwitchedUnits } from './switched-units.ts'
import { journalLines } from './system-journal.ts'
import { listens, look, lookNow, pidsOf, problemsOf, type Sight, unitOf, whyNotReady } from './unit-sight.ts'

const nothing = async (): Promise<void> => undefined

/** What a group does not tell: a unit that was made, masked or removed. */
const slowMs = 5_000

export interface AdoptedParts {
  /** whose units are looked for first */
  readonly scope: Scope
  readonly runtimes: () => readonly Runtime[]
  readonly volumes: Volumes
  readonly wake: Wake
  readonly onFailure?: (error: unknown) => void
}

export const createAdoptedUnits = (parts: AdoptedParts) => {
  const sights = new Map<string, Sight>()
  const keyOf = (runtime: Runtime): string => `${unitOf(runtime)} ${portOf(runtime)}`
  /** The first look waits for systemd, some milliseconds; every other one has the last sight. */
  const sightOf = (runtime: Runtime): Sight => {
    const known = sights.get(keyOf(runtime)) ?? lookNow(parts.scope, unitOf(runtime), portOf(runtime))
    sights.set(keyOf(runtime), known)
    return known
  }
  const refresh = async (runtime: Runtime): Promise<void> => {
    const before = sights.get(keyOf(runtime))
    if (!before || isSame(before, portOf(runtime))) return switched.settle(runtime, sightOf(runtime))
    const now = await look(parts.scope, unitOf(runtime), portOf(runtime))
    sights.set(keyOf(runtime), now)
    if (storyOf(now) !== storyOf(before)) parts.wake(toKey('Runtime', runtime.metadata), false)
    switched.settle(runtime, now)
  }
  /** What was just asked for is looked at anew. */
  const forget = (runtime: Runtime): void => {
    const known = sights.get(keyOf(runtime))
    if (known) sights.set(keyOf(runtime), { ...known, at: 0 })
    parts.wake(toKey('Runtime', runtime.metadata), false)
  }
  const { scope, runtimes, volumes } = parts
  const switched = createSwitchedUnits({ scope, runtimes, volumes, sightOf, forget })
  const timer = setInterval(() => {
    for (const runtime of parts.runtimes())
      if (runtime.spec.host?.unit !== undefined) refresh(runtime).catch(error => parts.onFailure?.(error))
  }, 1_000)
  timer.unref()
  return {
    servings: servingsOf(sightOf),
    switched: switched.servings,
    stop: (): void => clearInterval(timer),
  }
}

const isSame = (sight: Sight, port: number): boolean =>
  Date.now() - sight.at < slowMs &&
  pidsOf(sight.properties) === sight.pids &&
  listens(sight, port) === sight.isListening

const storyOf = ({ properties: found, isListening }: Sight): string => JSON.stringify([found, isListening])

type LookAt = (runtime: Runtime) => Sight

const servingsOf = (sightOf: LookAt): Omit<Servings, 'watch'> => ({
  observe: runtime => toView(runtime, sightOf(runtime)),
  prepare: nothing,
  apply: nothing,
  revert: nothing,
  scale: async runtime => {
    throw new NotSupported(`${unitOf(runtime)} is a unit of somebody else: it is neither started nor ended`)
  },
  setInService: async runtime => {
    throw new NotSupported(
      `${unitOf(runtime)} is a unit of somebody else: its clients are not ours to turn away`,
    )
  },
  restore: nothing,
  release: nothing,
  logs: async (runtime, pod, lines) =>
    toView(runtime, sightOf(runtime)).pods[0]?.name === pod
      ? journalLines(ofUnit(sightOf(runtime).scope, unitOf(runtime)), lines)
      : [],
})

const toView = (runtime: Runtime, sight: Sight): ServingView => {
  const exists = sight.properties['LoadState'] === 'loaded'
  return {
    origin: 'Adopted',
    exists,
    problems: [...notForUnits(runtime), ...problemsOf(unitOf(runtime), sight)],
    container: { command: [], args: [], env: {}, port: portOf(runtime) },
    replicas: exists ? 1 : 0,
    isExclusive: true,
    isPrepared: true,
    isSettled: true,
    pods: exists ? [podOf(runtime, sight)] : [],
    ...(exists ? { endpoint: addressOf(runtime) } : {}),
  }
}

const notForUnits = ({ spec }: Runtime): readonly Problem[] =>
  spec.engine === 'Ollama' ? [] : [{ reason: 'NotSupported', message: 'host.unit is for Ollama and vLLM' }]

const podOf = (runtime: Runtime, sight: Sight): PodSight => {
  const { properties: found, isListening } = sight
  const { ActiveState, InvocationID = '', NRestarts = '0', ExecMainStartTimestamp = '' } = found
  const isRunning = ActiveState === 'active'
  const isReady = isRunning && isListening
  const seconds = Number(ExecMainStartTimestamp.replace('@', ''))
  return {
    uid: InvocationID || `${runtime.metadata.uid}-unit`,
    name: `${runtime.metadata.name}-${Number(NRestarts) + 1}`,
    address: addressOf(runtime),
    isReady,
    isRunning,
    isLeaving: ActiveState === 'deactivating',
    isInService: isReady,
    restarts: Number(NRestarts),
    createdAt: seconds > 0 ? new Date(seconds * 1_000).toISOString() : runtime.metadata.creationTimestamp,
    ...(isReady ? {} : { problem: { reason: 'EngineUnreachable', message: whyNotReady(runtime, sight) } }),
  }
}
