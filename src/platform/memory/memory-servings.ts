// The Deployment of a Runtime in the memory world: adopted or made, one template change per switch, stale writes refused.
import type { Launch } from '../../domain/engine.ts'
import { Rejected, Transient, Waiting } from '../../domain/failure.ts'
import { type Runtime, toKey } from '../../domain/object.ts'
import type { PodSight, Problem, Servings, ServingView } from '../../domain/platform.ts'
import { podsOf } from './memory-pods.ts'
import type { MemoryProcess } from './memory-process.ts'
import { claimNameOf } from './memory-volumes.ts'
import type { Deployment, Pod, Template } from './memory-world.ts'

const asFound = 'AsFound'

/** What a made Deployment starts with before any model. */
const bare: Record<Deployment['engine'], Template> = {
  VLLM: { command: [], args: ['serve'] },
  Ollama: { command: ['ollama', 'serve'], args: [] },
}

const isMade = ({ spec }: Runtime): boolean => spec.kubernetes?.podTemplate !== undefined

const nameOf = ({ metadata, spec }: Runtime): string =>
  `${metadata.namespace}/${spec.kubernetes?.deploymentName ?? metadata.name}`

export const createMemoryServings = (process: MemoryProcess): Servings => {
  const write = (runtime: Runtime, what: string, change: (old: Deployment) => Deployment): Promise<void> => {
    const edit = toEdit(process, runtime)
    return process.write(`${what} of ${nameOf(runtime)}`, () => edit(change))
  }
  return {
    observe: runtime => observe(process, runtime),
    prepare: async runtime => {
      if (!isMade(runtime)) await write(runtime, 'prepare', old => prepared(old, runtime))
    },
    apply: (runtime, launch) => {
      const edit = toEdit(process, runtime)
      return process.write(`apply of ${nameOf(runtime)}`, () => apply(process, runtime, { launch, edit }))
    },
    revert: (runtime, hash) => write(runtime, 'revert', old => revert(old, hash)),
    scale: (runtime, replicas) => write(runtime, 'scale', old => ({ ...old, replicas })),
    setInService: (runtime, pod, isInService) =>
      process.write(`service of ${pod}`, () => setInService(process, runtime, { pod, isInService })),
    restore: async runtime => {
      if (process.deployments.get(nameOf(runtime))?.originals) await write(runtime, 'restore', restored)
    },
    release: runtime => process.write(`release of ${nameOf(runtime)}`, () => release(process, runtime)),
    logs: async (_runtime, pod, lines) => process.world.pods.get(pod)?.log.slice(-lines) ?? [],
    watch: wake => watch(process, (namespace, name) => wake(toKey('Runtime', { namespace, name }), false)),
  }
}

const setInService = (
  process: MemoryProcess,
  { metadata }: Runtime,
  { pod, isInService }: { readonly pod: string; readonly isInService: boolean },
): void => {
  const { pods } = process.world
  process.world.edit(pods, pod, one => ({ ...one, isInService }))
  process.recordWrite(toKey('Runtime', metadata), process.pods, { name: pod, version: pods.version(pod) })
}

const watch = (process: MemoryProcess, wake: (namespace: string, name: string) => void): void => {
  const tell = (deployment: string): void => {
    for (const runtime of process.runtimes.list())
      if (nameOf(runtime) === deployment) wake(runtime.metadata.namespace, runtime.metadata.name)
  }
  process.deployments.subscribe(tell)
  process.pods.subscribe(name => tell(name.slice(0, name.lastIndexOf('-'))))
  process.claims.subscribe(name => {
    for (const runtime of process.runtimes.list()) {
      const claim = claimNameOf(process, runtime)
      if (`${runtime.metadata.namespace}/${claim}` === name)
        wake(runtime.metadata.namespace, runtime.metadata.name)
    }
  })
}

const engineOf = ({ spec }: Runtime): Deployment['engine'] => (spec.engine === 'Ollama' ? 'Ollama' : 'VLLM')

const observe = (process: MemoryProcess, runtime: Runtime): ServingView => {
  const deployment = process.deployments.get(nameOf(runtime))
  const template = isMade(runtime) ? bare[engineOf(runtime)] : deployment?.template
  const { recipe } = deployment?.template ?? {}
  return {
    origin: isMade(runtime) ? 'Made' : 'Adopted',
    exists: deployment !== undefined,
    problems: problemsOf(process, runtime, deployment),
    ...(template ? { container: sightOf(runtime, template) } : {}),
    replicas: deployment?.replicas ?? 0,
    isExclusive: deployment ? deployment.strategy === 'Recreate' : isMade(runtime),
    isPrepared: isMade(runtime) || isPreparedFor(runtime, deployment),
    isSettled: deployment?.observedGeneration === deployment?.generation,
    ...(recipe === undefined ? {} : { recipe }),
    ...(deployment?.previous ? { previousRecipe: deployment.previous.hash } : {}),
    ...(deployment && isForeign(deployment) ? { drift: conflict } : {}),
    pods: podsOf(process, nameOf(runtime)).map(sightPod).sort(newestFirst),
    ...(deployment ? { endpoint: endpointOf(runtime) } : {}),
  }
}

const endpointOf = ({ metadata, spec }: Runtime): string =>
  `http://${spec.kubernetes?.serviceName ?? metadata.name}.${metadata.namespace}.svc:8000`

const isPreparedFor = ({ metadata }: Runtime, deployment: Deployment | undefined): boolean =>
  deployment?.originals !== undefined && deployment.preparedFor === metadata.uid

const prepared = (old: Deployment, { metadata }: Runtime): Deployment => {
  const { template, strategy, replicas } = old
  const originals = old.originals ?? { template, strategy, replicas }
  return { ...old, strategy: 'Recreate', originals, preparedFor: metadata.uid }
}

/** Everything as it was found, and nothing of ours left. */
const restored = (old: Deployment): Deployment => {
  const { originals, preparedFor: _, previous: __, written: ___, ...kept } = old
  return { ...kept, ...originals }
}

const sightOf = (runtime: Runtime, { command, args }: Template) => ({
  command,
  args,
  env: {},
  port: runtime.spec.engine === 'VLLM' ? 8000 : 11434,
})

/** Somebody changed what a switch wrote. */
const isForeign = ({ written, template }: Deployment): boolean =>
  written !== undefined && JSON.stringify(written) !== JSON.stringify(template)

const conflict: Problem = { reason: 'FieldConflict', message: 'another manager owns args of the container' }

const problemsOf = (
  process: MemoryProcess,
  runtime: Runtime,
  deployment: Deployment | undefined,
): Problem[] => {
  if (!deployment && !isMade(runtime)) {
    const name = runtime.spec.kubernetes?.deploymentName ?? '?'
    return [{ reason: 'DeploymentNotFound', message: `Deployment ${name} does not exist` }]
  }
  const claim = claimNameOf(process, runtime)
  if (claim && !process.claims.get(`${runtime.metadata.namespace}/${claim}`))
    return [{ reason: 'ClaimNotFound', message: `PersistentVolumeClaim ${claim} does not exist` }]
  if (deployment && deployment.replicas > 1)
    return [{ reason: 'TooManyReplicas', message: `Deployment has ${deployment.replicas} replicas` }]
  return []
}

const newestFirst = (a: PodSight, b: PodSight): number =>
  b.createdAt.localeCompare(a.createdAt) || a.name.localeCompare(b.name)

const sightPod = (pod: Pod): PodSight => ({
  uid: pod.uid,
  name: pod.name,
  ...(pod.template.recipe === undefined ? {} : { recipe: pod.template.recipe }),
  address: addressOf(pod.name),
  isReady: pod.isReady,
  isRunning: pod.isRunning,
  isLeaving: pod.isLeaving,
  isInService: pod.isInService && pod.isReady,
  restarts: pod.restarts,
  createdAt: pod.createdAt,
  ...(pod.readyAt ? { readyAt: pod.readyAt } : {}),
  ...(pod.problem ? { problem: pod.problem } : {}),
})

export const addressOf = (pod: string): string => `memory://${pod}`

type Edit = (change: (old: Deployment) => Deployment) => void

/** Refused when the view that was decided on is not the newest: what was seen is told with the write, however late it lands. */
const toEdit = (process: MemoryProcess, runtime: Runtime): Edit => {
  const { world } = process
  const name = nameOf(runtime)
  const seen = process.deployments.version(name)
  return change => {
    const old = world.deployments.get(name)
    // Made: what is gone is made again with the next launch.
    if (!old && isMade(runtime)) return
    if (!old) throw new Waiting('DeploymentNotFound', `Deployment ${name} does not exist`)
    if (seen !== world.deployments.version(name))
      throw new Transient('ApiUnavailable', `Deployment ${name} was changed meanwhile`)
    const next = change(old)
    if (JSON.stringify(next) === JSON.stringify(old)) return
    world.deployments.put(name, () => ({ ...next, generation: old.generation + 1 }))
  }
}

interface Application {
  readonly launch: Launch
  readonly edit: Edit
}

const apply = (process: MemoryProcess, runtime: Runtime, { launch, edit }: Application): void => {
  const { world } = process
  const name = nameOf(runtime)
  if (!world.deployments.get(name) && isMade(runtime)) {
    make(process, runtime, launch)
    return
  }
  if (runtime.spec.engine === 'Ollama') return
  edit(old => {
    const hash = old.template.recipe ?? asFound
    if (hash === launch.hash) return old
    if (old.strategy !== 'Recreate') world.violations.push(`${name} was switched before it was exclusive`)
    const template = launched(old.template, launch)
    return { ...old, template, written: template, previous: { hash, template: old.template } }
  })
}

const launched = (template: Template, { hash, command, args }: Launch): Template => ({
  recipe: hash,
  command: command ?? template.command,
  args: args ?? template.args,
})

const make = ({ world }: MemoryProcess, runtime: Runtime, launch: Launch): void => {
  const isVllm = runtime.spec.engine === 'VLLM'
  const template = isVllm ? launched(bare.VLLM, launch) : bare.Ollama
  world.deployments.put(nameOf(runtime), () => ({
    namespace: runtime.metadata.namespace,
    name: runtime.metadata.name,
    engine: engineOf(runtime),
    claim: runtime.spec.storage?.claimName ?? 'models',
    template,
    written: template,
    previous: { hash: asFound, template: bare[engineOf(runtime)] },
    strategy: 'Recreate',
    replicas: 1,
    generation: 1,
    observedGeneration: 0,
    madeFor: runtime.metadata.uid,
  }))
}

const revert = (old: Deployment, hash: string): Deployment => {
  const now = old.template.recipe ?? asFound
  if (now === hash) return old
  if (hash === asFound && old.originals) return putBack(old, old.originals.template)
  if (old.previous?.hash !== hash)
    throw new Rejected('SwitchFailed', `Deployment ${old.name} does not know launch ${hash} any more`)
  return putBack(old, old.previous.template)
}

/** What was reverted is no way back. */
const putBack = ({ previous: _, ...old }: Deployment, template: Template): Deployment => ({
  ...old,
  template,
  written: template,
})

const release = ({ world }: MemoryProcess, runtime: Runtime): void => {
  const name = nameOf(runtime)
  const known = world.deployments.get(name)
  if (known?.madeFor === runtime.metadata.uid) world.deployments.drop(name)
  if (!isPreparedFor(runtime, known)) return
  world.edit(world.deployments, name, ({ preparedFor: _, ...left }) => left)
}
