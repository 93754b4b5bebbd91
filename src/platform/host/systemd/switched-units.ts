// A vLLM that is a unit of somebody else and that root has let us switch: the wish stands in a file, a restart takes it over, and what started
// after the file was written serves it. Its own command is the launch as it was found.

import { readFileSync } from 'node:fs'
import type { Launch } from '../../../domain/engine.ts'
import { readLaunch } from '../../../domain/engine-facts/vllm-launch.ts'
import { NotSupported, Rejected, Waiting } from '../../../domain/failure.ts'
import type { Runtime } from '../../../domain/object.ts'
import type { PodSight, Problem, Servings, ServingView, Volumes } from '../../../domain/platform.ts'
import { bootOf } from '../process-mark.ts'
import { addressOf, portOf } from '../serving-render.ts'
import { type Adoption, adoptionPath, dropInPath } from './adoption-render.ts'
import { ofUnit, type Scope, systemctl } from './scope.ts'
import { journalLines } from './system-journal.ts'
import { problemsOf, type Sight, unitOf, whyNotReady } from './unit-sight.ts'
import { hasRead, longestPauseMs, pauseOf, stepOf } from './unit-steps.ts'
import { dropWish, readWish, type UnitWish, writeWish } from './unit-wish.ts'

export interface SwitchedParts {
  /** of the daemon: what root has let be switched is the machine's daemon's to switch */
  readonly scope: Scope
  readonly runtimes: () => readonly Runtime[]
  readonly volumes: Volumes
  readonly sightOf: (runtime: Runtime) => Sight
  /** the sight is out of date */
  readonly forget: (runtime: Runtime) => void
}

/** What is known of one unit beside its file: lost with the daemon, and found again. */
interface Effort {
  isAsked: boolean
  failures: number
  notBefore: number
  trouble?: string
}

const asFound = 'AsFound'
const hashOf = ({ launch }: Pick<UnitWish, 'launch'>): string => launch?.hash ?? asFound

type Scoped = Pick<SwitchedParts, 'scope'>

/** None for the daemon of a user: root lets the machine's switch a unit. */
const adoptionOf = ({ scope }: Scoped, unit: string): Adoption | undefined => {
  if (scope === 'user') return undefined
  try {
    return JSON.parse(readFileSync(adoptionPath(unit), 'utf8')) as Adoption
  } catch {
    return undefined
  }
}

const needed = (scoped: Scoped, runtime: Runtime): Adoption => {
  const adoption = adoptionOf(scoped, unitOf(runtime))
  if (adoption) return adoption
  throw new Waiting('DeploymentNotFound', notLet(scoped, unitOf(runtime)), 5_000)
}

const notLet = ({ scope }: Scoped, unit: string): string =>
  scope === 'user'
    ? `unit ${unit} may be switched by the daemon of the machine alone (switchyard install, as root): name spec.host.command here instead, and it is started by us`
    : `unit ${unit} may not be switched yet: run switchyard install --unit ${unit} as root, once`

const wishOf = ({ wish }: Adoption): UnitWish | undefined => {
  try {
    return readWish(wish)
  } catch {
    // Not whole: what is wished is written anew.
    return undefined
  }
}

export const nowMicros = (): number => Number(process.hrtime.bigint() / 1_000n)

/** Those that root has let us switch are the machine's. */
const ask = (...words: readonly string[]) => systemctl('system', ['--no-block', ...words], 30_000)

export const createSwitchedUnits = (parts: SwitchedParts) => {
  const efforts = new Map<string, Effort>()
  const effortOf = (unit: string): Effort => {
    const known = efforts.get(unit) ?? { isAsked: false, failures: 0, notBefore: 0 }
    efforts.set(unit, known)
    return known
  }
  const put = (runtime: Runtime, wish: Omit<UnitWish, 'boot' | 'since' | 'at'>): void => {
    const { wish: path } = needed(parts, runtime)
    const stamp = () => ({ boot: bootOf(), since: nowMicros(), at: new Date().toISOString() })
    writeWish(path, { ...wish, ...stamp() })
    efforts.delete(unitOf(runtime))
    settle(runtime, parts.sightOf(runtime))
  }
  const settle = (runtime: Runtime, sight: Sight): void => {
    const unit = unitOf(runtime)
    const adoption = adoptionOf(parts, unit)
    const wish = adoption && wishOf(adoption)
    const effort = effortOf(unit)
    const step = wish && stepOf(sight.properties, wish, bootOf())
    if (!step && Date.now() > effort.notBefore + longestPauseMs) effort.failures = 0
    if (!step || effort.isAsked || Date.now() < effort.notBefore) return
    effort.isAsked = true
    carryOut(unit, step)
      .then(
        () => delete effort.trouble,
        (error: Error & { readonly stderr?: string }) => {
          effort.trouble = (error.stderr || error.message).trim().split('\n')[0] ?? ''
        },
      )
      .finally(() => {
        effort.notBefore = Date.now() + pauseOf(step, effort.failures++)
        effort.isAsked = false
        parts.forget(runtime)
      })
  }
  return { servings: servingsOf({ ...parts, put, troubleOf: unit => effortOf(unit).trouble }), settle }
}

const carryOut = async (unit: string, step: 'start' | 'stop' | 'restart'): Promise<void> => {
  // A limit of starts that was reached would refuse ours.
  if (step !== 'stop') await ask('reset-failed', unit).catch(() => undefined)
  await ask(step, unit)
}

interface Parts extends SwitchedParts {
  readonly put: (runtime: Runtime, wish: Omit<UnitWish, 'boot' | 'since' | 'at'>) => void
  readonly troubleOf: (unit: string) => string | undefined
}

const servingsOf = (parts: Parts): Omit<Servings, 'watch'> => ({
  observe: runtime => observe(parts, runtime),
  prepare: async runtime => {
    needed(parts, runtime)
  },
  apply: async (runtime, launch) => apply(parts, runtime, launch),
  revert: async (runtime, hash) => revert(parts, runtime, hash),
  scale: async (runtime, replicas) => {
    const wish = wishOf(needed(parts, runtime))
    if ((wish?.replicas ?? 1) !== replicas) parts.put(runtime, { starts: 0, ...wish, replicas })
  },
  setInService: async runtime => {
    throw new NotSupported(
      `${unitOf(runtime)} is a unit of somebody else: its clients are not ours to turn away`,
    )
  },
  restore: async runtime => {
    const adoption = adoptionOf(parts, unitOf(runtime))
    if (!adoption || !wishOf(adoption)) return
    dropWish(adoption.wish)
    if (isAlive(parts.sightOf(runtime))) await ask('restart', unitOf(runtime))
  },
  // Let go as it is.
  release: async () => undefined,
  logs: async (runtime, pod, lines) => {
    const span = spanOf(parts, runtime, pod)
    const { scope } = parts.sightOf(runtime)
    return span ? journalLines([...ofUnit(scope, unitOf(runtime)), ...span], lines) : []
  },
})

const apply = (parts: Parts, runtime: Runtime, { hash, command, args }: Launch): void => {
  const adoption = needed(parts, runtime)
  const wish = wishOf(adoption)
  if (wish && hashOf(wish) === hash && wish.replicas === 1) return
  const launch = { hash, ...readLaunch({ command: command ?? adoption.command, ...(args ? { args } : {}) }) }
  const isSame = wish !== undefined && hashOf(wish) === hash
  const previous = isSame ? (wish.previous ?? {}) : wish?.launch ? { launch: wish.launch } : {}
  parts.put(runtime, { launch, previous, replicas: 1, starts: (wish?.starts ?? 0) + 1 })
}

/** What was reverted is no way back. */
const revert = (parts: Parts, runtime: Runtime, hash: string): void => {
  const wish = wishOf(needed(parts, runtime))
  if (!wish || hashOf(wish) === hash) return
  const { previous, launch: _, ...kept } = wish
  if (hash !== asFound && (!previous || hashOf(previous) !== hash))
    throw new Rejected('SwitchFailed', `nobody remembers launch ${hash} of unit ${unitOf(runtime)}`)
  const back = hash === asFound ? {} : previous
  parts.put(runtime, { ...kept, ...back, starts: wish.starts + 1 })
}

const isAlive = ({ pids }: Sight): boolean => pids !== ''

const observe = (parts: Parts, runtime: Runtime): ServingView => {
  const sight = parts.sightOf(runtime)
  const adoption = adoptionOf(parts, unitOf(runtime))
  const wish = adoption && wishOf(adoption)
  const exists = sight.properties['LoadState'] === 'loaded'
  const pods = exists ? podsOf(parts, runtime, sight, wish) : []
  return {
    origin: 'Adopted',
    exists,
    problems: hindrances(parts, runtime, sight, adoption),
    container: { command: adoption?.command ?? [], args: [], env: {}, port: portOf(runtime) },
    replicas: exists ? (wish?.replicas ?? 1) : 0,
    isExclusive: true,
    isDirect: true,
    isPrepared: true,
    isSettled: !pods.some(pod => pod.isLeaving),
    ...(wish?.launch ? { recipe: wish.launch.hash } : {}),
    ...(wish?.previous ? { previousRecipe: hashOf(wish.previous) } : {}),
    pods,
    ...(exists ? { endpoint: addressOf(runtime) } : {}),
  }
}

const hindrances = (
  parts: Parts,
  runtime: Runtime,
  sight: Sight,
  adoption: Adoption | undefined,
): readonly Problem[] => {
  const unit = unitOf(runtime)
  const missing = problemsOf(unit, sight)
  if (missing.length > 0) return missing
  const isLet = adoption && sight.properties['DropInPaths']?.split(' ').includes(dropInPath(unit))
  if (!isLet) return [{ reason: 'DeploymentNotFound', message: notLet(parts, unit) }]
  const others = parts.runtimes().filter(one => unitOf(one) === unit && one !== runtime)
  const other = others.find(({ metadata }) => metadata.uid !== runtime.metadata.uid)
  if (other)
    return [
      { reason: 'DeploymentShared', message: `unit ${unit} is named by Runtime ${other.metadata.name} too` },
    ]
  const volume = parts.volumes.find(runtime)
  if ('reason' in volume) return [volume]
  if (volume.layout.root === adoption.models) return []
  const message = `unit ${unit} may read models in ${adoption.models} alone: name that one in spec.storage.directory, or run switchyard install --unit ${unit} --models ${volume.layout.root}`
  return [{ reason: 'StoreNotOnVolume', message }]
}

/** One process at most: of the launch that is wished, or of the one before that is about to end. */
const podsOf = (
  parts: Parts,
  runtime: Runtime,
  sight: Sight,
  wish: UnitWish | undefined,
): readonly PodSight[] => {
  const { properties, isListening } = sight
  const isRunning = isAlive(sight)
  if (!isRunning && wish?.replicas === 0) return []
  const isOld = isRunning && wish !== undefined && !hasRead(properties, wish, bootOf())
  const launch = isOld ? wish.previous?.launch : wish?.launch
  const number = (wish?.starts ?? 0) - (isOld ? 1 : 0)
  const isReady = isRunning && properties['ActiveState'] === 'active' && isListening && !isOld
  const trouble = parts.troubleOf(unitOf(runtime))
  const message = trouble ? `systemd refuses: ${trouble}` : whyNotReady(runtime, sight)
  const began = Number(properties['ExecMainStartTimestamp']?.replace('@', ''))
  const reason = isRunning ? 'EngineUnreachable' : 'LoadFailed'
  return [
    {
      uid: `${runtime.metadata.uid}-${number}`,
      name: `${runtime.metadata.name}-${number}`,
      ...(launch ? { recipe: launch.hash } : {}),
      address: addressOf(runtime),
      isReady,
      isRunning,
      isLeaving: isOld,
      isInService: isReady,
      restarts: hasBegun(properties, wish) ? Number(properties['NRestarts'] ?? 0) : 0,
      createdAt: began > 0 ? new Date(began * 1_000).toISOString() : runtime.metadata.creationTimestamp,
      ...(isReady || isOld || !hasBegun(properties, wish) ? {} : { problem: { reason, message } }),
    },
  ]
}

/** Not one whose start was asked for and is still to come. */
const hasBegun = (properties: Sight['properties'], wish: UnitWish | undefined): boolean =>
  wish === undefined || hasRead(properties, wish, bootOf())

/** Words of journalctl for the time of one launch; undefined for a name that is none. */
const spanOf = (parts: Scoped, runtime: Runtime, pod: string): readonly string[] | undefined => {
  const adoption = adoptionOf(parts, unitOf(runtime))
  const wish = adoption && wishOf(adoption)
  const isNow = pod === `${runtime.metadata.name}-${wish?.starts ?? 0}`
  if (!/-\d+$/.test(pod) || !pod.startsWith(`${runtime.metadata.name}-`)) return undefined
  const at = wish ? `@${Date.parse(wish.at) / 1_000}` : undefined
  return at === undefined ? [] : [isNow ? '--since' : '--until', at]
}
