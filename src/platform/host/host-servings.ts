// The engines of a host: processes of ours that the supervisor keeps, units of others, and an Ollama
// at an address, which is only spoken to.
import type { Launch } from '../../domain/engine.ts'
import { NotSupported, Rejected, Waiting } from '../../domain/failure.ts'
import { type Runtime, toKey } from '../../domain/object.ts'
import type {
  PodSight,
  Problem,
  Servings,
  ServingView,
  Volumes,
  VolumeView,
  Wake,
} from '../../domain/platform.ts'
import type { EngineKeeper } from './engine-keeper.ts'
import { type EnginePlaces, isProgram } from './engine-process.ts'
import { foreignServings } from './foreign-servings.ts'
import type { Run, ServingRecord } from './serving-records.ts'
import {
  bareSight,
  bareTemplate,
  findChanged,
  isSameTemplate,
  loopbackAt,
  programOf,
  renderTemplate,
  type Template,
} from './serving-render.ts'
import type { Supervisor } from './supervisor.ts'
import { createAdoptedUnits } from './systemd/adopted-units.ts'
import type { Scope } from './systemd/scope.ts'

export interface ServingParts {
  readonly supervisor: Supervisor
  readonly volumes: Volumes
  readonly places: EnginePlaces
  readonly keeper: EngineKeeper
  readonly runtimes: () => readonly Runtime[]
  /** whose units of somebody else are looked for first; absent: the machine's */
  readonly scope?: Scope
}

const asFound = 'AsFound'
/** vLLM needs four to seven seconds to come down after its last request. */
const teardownSeconds = 10

export const createHostServings = (parts: ServingParts) => {
  const watcher = createWatcher(parts)
  const made = madeServings(parts, watcher.noteTold)
  const { runtimes, volumes, scope = 'system' } = parts
  const units = createAdoptedUnits({ scope, runtimes, volumes, wake: key => watcher.tell(key) })
  const of = ({ spec }: Runtime): Omit<Servings, 'watch'> => {
    if (spec.host?.unit !== undefined) return spec.engine === 'VLLM' ? units.switched : units.servings
    return spec.host?.url === undefined ? made : foreignServings
  }
  const servings: Servings = {
    observe: runtime => of(runtime).observe(runtime),
    prepare: runtime => of(runtime).prepare(runtime),
    apply: (runtime, launch) => of(runtime).apply(runtime, launch),
    revert: (runtime, hash) => of(runtime).revert(runtime, hash),
    scale: (runtime, replicas) => of(runtime).scale(runtime, replicas),
    setInService: (runtime, pod, isInService) => of(runtime).setInService(runtime, pod, isInService),
    restore: runtime => of(runtime).restore(runtime),
    release: runtime => of(runtime).release(runtime),
    logs: (runtime, pod, lines) => of(runtime).logs(runtime, pod, lines),
    watch: wake => watcher.watch(wake),
  }
  const stop = (): void => {
    watcher.stop()
    units.stop()
  }
  return { servings, stop, tell: watcher.tell }
}

type NoteTold = (runtime: Runtime, problems: readonly Problem[]) => void

const madeServings = (parts: ServingParts, noteTold: NoteTold): Omit<Servings, 'watch'> => ({
  observe: runtime => {
    const view = observe(parts, runtime)
    noteTold(runtime, view.problems)
    return view
  },
  // Nothing was found that had to be kept.
  prepare: async () => undefined,
  apply: async (runtime, launch) => apply(parts, runtime, launch),
  revert: async (runtime, hash) => revert(parts, runtime, hash),
  scale: async (runtime, replicas) => {
    const known = recordOf(parts, runtime)
    if (known && known.replicas !== replicas) parts.supervisor.put({ ...known, replicas })
  },
  setInService: async () => {
    throw new NotSupported(
      'on a host nothing stands between clients and the engine: its stop time is the drain',
    )
  },
  restore: async () => undefined,
  release: async runtime => {
    const known = recordOf(parts, runtime)
    if (known) parts.supervisor.put({ ...known, isReleased: true })
  },
  logs: async (runtime, pod, lines) =>
    isNameOf(runtime, pod) ? parts.keeper.logs(runtime.metadata, pod, lines) : [],
})

const isNameOf = ({ metadata }: Runtime, pod: string): boolean =>
  pod.startsWith(`${metadata.name}-`) && /^\d+$/.test(pod.slice(metadata.name.length + 1))

/** Undefined for one that was let go, or is of a Runtime of the same name before. */
const recordOf = ({ supervisor }: ServingParts, { metadata }: Runtime): ServingRecord | undefined => {
  const known = supervisor.get(metadata)
  return known?.uid === metadata.uid && !known.isReleased ? known : undefined
}

const volumeOf = ({ volumes }: ServingParts, runtime: Runtime): VolumeView | undefined => {
  const found = volumes.find(runtime)
  return 'reason' in found ? undefined : found
}

const graceOf = ({ spec }: Runtime): number => spec.switch.drainSeconds + teardownSeconds

const apply = (parts: ServingParts, runtime: Runtime, launch: Launch): void => {
  const { namespace, name, uid } = runtime.metadata
  const known = recordOf(parts, runtime)
  const volume = volumeOf(parts, runtime)
  const template = renderTemplate(runtime, launch, volume)
  const bare = bareTemplate(runtime, volume)
  if (known) {
    if (template.recipe === undefined || known.template.recipe === template.recipe) return
    write(parts, runtime, { ...known, template, bare, previous: known.template })
    return
  }
  if (parts.supervisor.get(runtime.metadata)?.run)
    throw new Waiting('Unloading', `the engine of a former Runtime ${name} is still ending`, 1_000)
  write(parts, runtime, {
    namespace,
    name,
    uid,
    template,
    bare,
    previous: bare,
    replicas: 1,
    graceSeconds: 0,
    runs: 0,
  })
}

const write = ({ supervisor }: ServingParts, runtime: Runtime, record: ServingRecord): void =>
  supervisor.put({ ...record, graceSeconds: graceOf(runtime) })

const hashOf = (template: Template): string => template.recipe ?? asFound

/** What was reverted is no way back. */
const revert = (parts: ServingParts, runtime: Runtime, hash: string): void => {
  const known = recordOf(parts, runtime)
  if (!known || hashOf(known.template) === hash) return
  const { previous, ...kept } = known
  if (!previous || hashOf(previous) !== hash)
    throw new Rejected('SwitchFailed', `nobody remembers launch ${hash} of Runtime ${known.name}`)
  write(parts, runtime, { ...kept, template: previous })
}

const observe = (parts: ServingParts, runtime: Runtime): ServingView => {
  const record = recordOf(parts, runtime)
  const run = parts.supervisor.get(runtime.metadata)?.run
  const recipe = record?.template.recipe
  return {
    origin: 'Made',
    exists: record !== undefined,
    problems: problemsOf(parts, runtime),
    container: bareSight(runtime, volumeOf(parts, runtime)),
    replicas: record?.replicas ?? 0,
    isExclusive: true,
    isDirect: true,
    isPrepared: true,
    isSettled: !run || !record || isSameTemplate(run.template, record.template),
    ...(recipe === undefined ? {} : { recipe }),
    ...(record?.previous ? { previousRecipe: hashOf(record.previous) } : {}),
    pods: run ? [podOf(run)] : [],
    ...(record ? { endpoint: loopbackAt(record.template.port) } : {}),
    ...pendingOf(parts, runtime, record),
  }
}

const pendingOf = (parts: ServingParts, runtime: Runtime, record: ServingRecord | undefined) => {
  const changed = record && findChanged(record, bareTemplate(runtime, volumeOf(parts, runtime)))
  if (changed) return { pending: `${changed} takes effect with the next switch` }
  const vain = limitsInVain(parts, runtime)
  return record && vain ? { pending: vain } : {}
}

/** What was not asked for needs no sentence: the log says at the start what engines are. */
const limitsInVain = ({ keeper }: ServingParts, { spec }: Runtime): string | undefined => {
  const { hardening = 'None' } = spec.host ?? {}
  if (hardening === 'None') return undefined
  if (!keeper.isLimiting)
    return `spec.host.hardening ${hardening} has no effect: engines are ${keeper.what} here`
  return keeper.lack && `spec.host.hardening ${hardening} is not whole: ${keeper.lack}`
}

const problemsOf = ({ volumes, places }: ServingParts, runtime: Runtime): readonly Problem[] => {
  const [program = ''] = programOf(runtime)
  const found = volumes.find(runtime)
  const volume = 'reason' in found ? [found] : []
  if (isProgram(places, program)) return volume
  const message = `program ${program} is not found: install it, or set spec.host.command`
  return [{ reason: 'DeploymentNotFound', message }, ...volume]
}

const podOf = (run: Run): PodSight => {
  const { recipe, port } = run.template
  const isReady = run.readyAt !== undefined && !run.isLeaving
  return {
    uid: run.uid,
    name: run.name,
    ...(recipe === undefined ? {} : { recipe }),
    address: loopbackAt(port),
    isReady,
    isRunning: run.mark !== undefined && run.againAt === undefined,
    isLeaving: run.isLeaving ?? false,
    isInService: isReady,
    restarts: run.restarts,
    createdAt: run.createdAt,
    ...(run.readyAt ? { readyAt: run.readyAt } : {}),
    ...(run.problem && isReady === false ? { problem: run.problem } : {}),
  }
}

/** Wakes a Runtime when its process changes, and when what it was told to lack comes, or goes. */
const createWatcher = (parts: ServingParts) => {
  const told = new Map<string, string>()
  let wake: Wake = () => undefined
  const look = (): void => {
    for (const runtime of parts.runtimes()) {
      const { uid } = runtime.metadata
      const [before, now] = [told.get(uid), JSON.stringify(problemsOf(parts, runtime))]
      if (before === undefined || before === now) continue
      told.set(uid, now)
      wake(toKey('Runtime', runtime.metadata), false)
    }
  }
  const timer = setInterval(look, 1_000)
  timer.unref()
  return {
    watch: (call: Wake): void => {
      wake = call
    },
    noteTold: ({ metadata }: Runtime, problems: readonly Problem[]): void => {
      if (!told.has(metadata.uid)) told.set(metadata.uid, JSON.stringify(problems))
    },
    tell: (key: Parameters<Wake>[0]): void => wake(key, false),
    stop: (): void => clearInterval(timer),
  }
}
