// Gathers everything a rule of the Runtime life cycle may see: objects, serving, volume, and what the engine says.
import { canServe, formatOf } from '../domain/artifact.ts'
import type { Task } from '../domain/capabilities.ts'
import type { Engine } from '../domain/engine.ts'
import { toGgufName } from '../domain/engine-facts/ollama-names.ts'
import { Rejected } from '../domain/failure.ts'
import { toLedger } from '../domain/ledger.ts'
import type { Copy } from '../domain/model.ts'
import { isVerified } from '../domain/model-copies.ts'
import { type Key, type Model, parseKey, type Runtime } from '../domain/object.ts'
import {
  type Candidate,
  type EngineSight,
  isProblem,
  type RuntimeObservation,
} from '../domain/observation.ts'
import type { EngineName } from '../domain/parts.ts'
import type { Platform, PodSight, Problem, ServingView, VolumeView } from '../domain/platform.ts'
import { newestPodOf } from '../domain/runtime-facts.ts'
import type { EngineWatch } from './engine-watch.ts'

export interface RuntimeSources {
  readonly platform: Platform
  readonly engines: Readonly<Record<EngineName, Engine>>
  readonly watch: EngineWatch
  readonly digest: (text: string) => string
}

export const observeRuntime = async (
  sources: RuntimeSources,
  runtime: Runtime,
  now: () => Date,
): Promise<RuntimeObservation> => {
  const { platform, engines, watch, digest } = sources
  const engine = engines[runtime.spec.engine]
  const { namespace } = runtime.metadata
  const serving = platform.servings.observe(runtime)
  const volume = platform.volumes.find(runtime)
  const models = platform.store.listModels(namespace)
  const place: Place = { runtime, engine, serving, volume, models, candidates: new Map() }
  const wantedModel = models.find(model => model.metadata.name === runtime.spec.activeModel)
  const pod = newestPodOf(serving.pods)
  const sight = withHeard(sources, { runtime, pod }, await watch.look(runtime, engine, pod))
  const isNeeded = pod && needsLog(runtime, pod.isReady)
  const { lines, since } = await watch.log(
    runtime,
    pod,
    isNeeded ? () => readLog(platform, runtime, pod.name) : undefined,
  )
  const wanted = toWanted(place)
  const committed = runtime.status.active && toServedBefore(place, runtime.status.active)
  const from = runtime.status.switch?.from && toServedBefore(place, runtime.status.switch.from)
  const weightBytes = wantedModel?.status.resolved?.bytes
  return {
    platform: platform.name,
    runtime,
    now: now(),
    strategy: engine.strategy,
    serving,
    volume,
    digest,
    signs: lines.flatMap(line => engine.loadSign(line) ?? []),
    lastLines: lines.filter(line => line.trim()).slice(-5),
    ...(since ? { logSince: since } : {}),
    ...(isProblem(volume) ? {} : { ledger: toLedger(volume, models, platform.work.running(namespace)) }),
    ...(wantedModel ? { wantedModel } : {}),
    ...(wanted ? { wanted } : {}),
    ...(committed ? { committed } : {}),
    ...(from ? { from } : {}),
    ...(sight ? { engine: sight } : {}),
    ...(weightBytes === undefined ? {} : { weightBytes }),
  }
}

/** The Runtime's pods have changed: nobody waits for the answer of one that is gone. */
export const heedPods = ({ platform, watch }: RuntimeSources, key: Key): void => {
  const runtime = platform.store.getRuntime(parseKey(key))
  if (runtime) watch.heed(runtime.metadata.uid, newestPodOf(platform.servings.observe(runtime).pods))
}

interface Asked {
  readonly runtime: Runtime
  readonly pod: PodSight | undefined
}

/** Behind a key, what workers have found is as good as an answer of our own. */
const withHeard = (
  { platform, watch }: RuntimeSources,
  { runtime, pod }: Asked,
  sight: EngineSight | undefined,
): EngineSight | undefined => {
  if (!sight || !pod || !runtime.spec.apiKeySecretRef) return sight
  const { news, ...heard } = watch.asks.hear(runtime, pod, platform.work.list(runtime.metadata))
  const known = news ? watch.noteProof(runtime.metadata.uid, news.proof) : sight
  return known && { ...known, ...heard }
}

/** The log is read while something loads, and when what should serve is not ready. */
const needsLog = (runtime: Runtime, isReady: boolean): boolean => {
  const step = runtime.status.switch?.step
  if (step) return step === 'Loading' || step === 'Verifying' || step === 'RollingBack'
  return !isReady && runtime.status.active !== undefined
}

const readLog = (platform: Platform, runtime: Runtime, pod: string): Promise<readonly string[]> =>
  platform.servings.logs(runtime, pod, 200).catch(() => [])

interface Place {
  readonly runtime: Runtime
  readonly engine: Engine
  readonly serving: ServingView
  readonly volume: VolumeView | Problem
  readonly models: readonly Model[]
  /** that were worked out in this look, for what is wanted and what serves are mostly one */
  readonly candidates: Map<string, Candidate | Problem>
}

const problem = (reason: Problem['reason'], message: string): Problem => ({ reason, message })

const toWanted = (place: Place): Candidate | Problem | undefined => {
  const { runtime, volume, models } = place
  const { activeModel, desiredState } = runtime.spec
  if (!activeModel || desiredState === 'Idle') return undefined
  const model = models.find(one => one.metadata.name === activeModel)
  if (!model)
    return problem('ModelNotFound', `spec.activeModel: there is no Model ${activeModel} in this namespace`)
  if (isProblem(volume)) return volume
  if (model.invalid !== undefined) return servedAsBefore(place, model, model.invalid)
  const misfit = engineMisfit(place, model)
  if (misfit) return misfit
  const kept = keptRevision(runtime, model)
  if (kept) return candidateOf(place, model, kept)
  const serving = servedAlready(place, model)
  if (serving) return serving
  const copy = findCopy(model, volume)
  const { resolved } = model.status
  if (model.metadata.deletionTimestamp)
    return problem('WaitingForModel', `Model ${activeModel} is being deleted`)
  if (!resolved || !copy || !isVerified(copy, resolved.revision, volume)) {
    return (
      launchProblem(place, model) ??
      problem('WaitingForModel', `Model ${activeModel} is ${model.status.phase ?? 'new'}`)
    )
  }
  return candidateOf(place, model, resolved.revision)
}

/** What is left of a spec that does not fit is nobody's wish: no engine is started with it, and what serves stays. */
const servedAsBefore = (
  place: Place,
  { metadata: { name } }: Model,
  invalid: string,
): Candidate | Problem => {
  const { active } = place.runtime.status
  const served = active?.model === name ? toServedBefore(place, active) : undefined
  return served ?? problem('WaitingForModel', `Model ${name}: ${invalid}`)
}

const engineMisfit = ({ runtime }: Place, model: Model): Problem | undefined => {
  const { ollama, local } = model.spec.source
  const format = formatOf(model.spec.source, model.status.resolved?.format)
  if (!format || canServe(runtime.spec.engine, format)) return undefined
  const place = local ? 'a folder of the volume' : 'the Hugging Face Hub'
  const source = ollama ? 'an Ollama registry' : `${place} as ${format}`
  return problem(
    'EngineCannotServe',
    `spec.activeModel: ${model.metadata.name} comes from ${source}, which ${runtime.spec.engine} cannot serve`,
  )
}

/** With onModelUpdate Manual the revision that serves goes on serving after a refresh. */
const keptRevision = (runtime: Runtime, model: Model): string | undefined => {
  const { active } = runtime.status
  const isManual = runtime.spec.onModelUpdate === 'Manual' && active?.model === model.metadata.name
  return isManual && active.revision !== model.status.resolved?.revision ? active.revision : undefined
}

/** What serves goes on serving while its Model is being deleted or its bytes are hashed again. */
const servedAlready = (place: Place, model: Model): Candidate | undefined => {
  const { active } = place.runtime.status
  const revision = model.status.resolved?.revision
  if (!revision || active?.model !== model.metadata.name || active.revision !== revision) return undefined
  const candidate = candidateOf(place, model, revision)
  return isProblem(candidate) || candidate.recipe.hash !== active.recipe ? undefined : candidate
}

const findCopy = (model: Model, volume: VolumeView): Copy | undefined =>
  model.status.copies?.find(copy => copy.claim === volume.claim && copy.subPath === volume.subPath)

interface ServedBefore {
  readonly model?: string | undefined
  readonly revision?: string | undefined
  readonly recipe: string
}

/** What served before, as it can be proved and launched again; it keeps the hash it was launched with. */
const toServedBefore = (place: Place, served: ServedBefore): Candidate | undefined => {
  const model = place.models.find(one => one.metadata.name === served.model)
  const candidate = model && served.revision ? candidateOf(place, model, served.revision) : undefined
  if (!candidate || isProblem(candidate)) return undefined
  const { recipe: hash } = served
  return { ...candidate, recipe: { ...candidate.recipe, hash }, launch: { ...candidate.launch, hash } }
}

const candidateOf = (place: Place, model: Model, revision: string): Candidate | Problem => {
  const key = `${model.metadata.uid} ${revision}`
  const candidate = place.candidates.get(key) ?? toCandidate(place, model, revision)
  place.candidates.set(key, candidate)
  return candidate
}

const toCandidate = (place: Place, model: Model, revision: string): Candidate | Problem => {
  const { engine, serving, volume } = place
  if (isProblem(volume)) return volume
  if (!serving.container)
    return serving.problems[0] ?? problem('DeploymentNotFound', 'no container of the engine is known')
  try {
    const recipe = engine.recipe(wishOf(place, model, { volume, revision }))
    return { model: model.metadata.name, revision, recipe, launch: engine.launch(recipe, serving.container) }
  } catch (error) {
    if (error instanceof Rejected) return problem(error.reason, error.message)
    throw error
  }
}

const wishOf = (
  { runtime, engine }: Place,
  model: Model,
  { volume, revision }: { readonly volume: VolumeView; readonly revision: string },
) => {
  const { ollama, local, huggingFace } = model.spec.source
  const path = findCopy(model, volume)?.path
  const modelArgs = model.spec.engineArgs?.find(one => one.engine === runtime.spec.engine)?.args ?? []
  return {
    modelName: model.metadata.name,
    alias: runtime.spec.alias,
    revision,
    runtimeArgs: runtime.spec.engineArgs ?? [],
    modelArgs,
    task: taskOf(model),
    ...(path ? { path: local ? path : path.replace(/[^/]+$/, revision) } : {}),
    ...(ollama ? { ollamaName: ollama.name } : {}),
    ...(huggingFace && engine.layout === 'OllamaStore'
      ? { ollamaName: toGgufName(huggingFace.repo, model.metadata.name) }
      : {}),
  }
}

/** Whether the engine's process could be started with it at all, told before anything is fetched for it. */
const launchProblem = (place: Place, model: Model): Problem | undefined => {
  const { engine, serving, volume } = place
  if (engine.strategy !== 'Recreate' || !serving.container || isProblem(volume)) return undefined
  const wish = wishOf(place, model, { volume, revision: 'unknown' })
  try {
    engine.launch(engine.recipe({ ...wish, path: volume.layout.path }), serving.container)
    return undefined
  } catch (error) {
    if (error instanceof Rejected) return problem(error.reason, error.message)
    throw error
  }
}

const taskOf = (model: Model): Task =>
  model.spec.capabilities?.task ?? model.status.capabilities?.task ?? 'Chat'
