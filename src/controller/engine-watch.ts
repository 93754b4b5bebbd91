// What was learned from engines by asking them: a cache of answers and proofs, lost without harm when the process ends.
import type { Engine, EngineAnswer, ProofResult, Recipe } from '../domain/engine.ts'
import type { Runtime } from '../domain/object.ts'
import type { EngineSight } from '../domain/observation.ts'
import type { Clock, PodSight } from '../domain/platform.ts'

export interface EngineWatch {
  /** What the engine in this pod says; asked anew when the last answer is too old for the present needs. */
  look(runtime: Runtime, engine: Engine, pod: PodSight | undefined): Promise<EngineSight | undefined>
  /** One proof; a busy engine whose counters move is proved by them. */
  prove(runtime: Runtime, engine: Engine, recipe: Recipe): Promise<ProofResult | undefined>
  /** Starts an in-place load and remembers how it ends; `done` is called then. */
  load(runtime: Runtime, engine: Engine, recipe: Recipe, done: () => void): void
  /** A new switch may load again what failed or was loaded before. */
  forgetLoad(uid: string): void
  /** The newest lines of the pod's log, read at most once a second unless the pod changed; forgotten without a reader. */
  lines(runtime: Runtime, pod: PodSight | undefined, read?: ReadLog): Promise<readonly string[]>
  /** Forces the next look to ask. */
  expire(uid: string): void
}

interface Memory {
  pod: string
  isReady: boolean
  address: string
  askedAt: number
  answer: EngineAnswer
  proof?: EngineSight['proof']
  load?: EngineSight['load']
}

/** Lines as they were read at that time from a pod in that state. */
interface Log {
  readonly state: string
  readonly readAt: number
  readonly lines: readonly string[]
}

type ReadLog = () => Promise<readonly string[]>

const askTimeout = 2_000
const eager = 900
const loadingPoll = 200
const loadTimeout = 1_800_000

const isUneasy = (runtime: Runtime, memory: Memory): boolean =>
  runtime.status.switch !== undefined ||
  memory.answer.state !== 'Answers' ||
  memory.proof?.isProved === false ||
  runtime.status.phase === 'Degraded'

const isComing = (runtime: Runtime, memory: Memory): boolean =>
  runtime.status.switch?.step === 'Loading' && memory.answer.state === 'Refused'

const maxAge = (runtime: Runtime, memory: Memory): number => {
  if (isComing(runtime, memory)) return loadingPoll
  return isUneasy(runtime, memory) ? eager : Math.min(15_000, runtime.spec.proof.intervalSeconds * 1000) - 100
}

export const createEngineWatch = (clock: Clock): EngineWatch => new Memories(clock)

class Memories implements EngineWatch {
  readonly #clock: Clock
  readonly #memories = new Map<string, Memory>()
  readonly #logs = new Map<string, Log>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async look(runtime: Runtime, engine: Engine, pod: PodSight | undefined): Promise<EngineSight | undefined> {
    const { uid } = runtime.metadata
    if (!pod?.address || !pod.isRunning) return void this.#memories.delete(uid)
    const old = this.#memories.get(uid)
    if (old && this.#isFresh(runtime, old, pod)) return toSight(old)
    const answer = await engine.ask(pod.address, askTimeout)
    const askedAt = this.#clock.now().getTime()
    const memory = {
      ...keptOf(old, pod, answer),
      pod: pod.name,
      isReady: pod.isReady,
      address: pod.address,
      askedAt,
      answer,
    }
    this.#memories.set(uid, memory)
    return toSight(memory)
  }

  async prove(runtime: Runtime, engine: Engine, recipe: Recipe): Promise<ProofResult | undefined> {
    const memory = this.#memories.get(runtime.metadata.uid)
    if (!memory) return undefined
    const { mode, timeoutSeconds } = runtime.spec.proof
    const moved = countersMoved(memory, recipe)
    const result =
      moved ?? (await engine.prove(memory.address, recipe, { mode, timeoutMs: timeoutSeconds * 1000 }))
    const tokens = moved ? memory.answer.tokens : undefined
    const proof = { ...result, recipe: recipe.hash, at: this.#clock.now().toISOString() }
    memory.proof = tokens === undefined ? proof : { ...proof, tokens }
    return result
  }

  load(runtime: Runtime, engine: Engine, recipe: Recipe, done: () => void): void {
    const memory = this.#memories.get(runtime.metadata.uid)
    if (!memory || memory.load?.isRunning) return
    memory.load = { recipe: recipe.hash, isRunning: true }
    const end = (error?: string): void => {
      const current = this.#memories.get(runtime.metadata.uid) ?? memory
      current.load = { recipe: recipe.hash, isRunning: false, ...(error ? { error } : {}) }
      current.askedAt = 0
      done()
    }
    engine.load(memory.address, recipe, loadTimeout).then(
      () => end(),
      (error: Error) => end(error.message),
    )
  }

  async lines(runtime: Runtime, pod: PodSight | undefined, read?: ReadLog): Promise<readonly string[]> {
    const { uid } = runtime.metadata
    if (!pod || !read) {
      this.#logs.delete(uid)
      return []
    }
    const state = [pod.uid, pod.isRunning, pod.isReady, pod.restarts].join(' ')
    const old = this.#logs.get(uid)
    const readAt = this.#clock.now().getTime()
    if (old?.state === state && readAt - old.readAt < eager) return old.lines
    const lines = await read()
    this.#logs.set(uid, { state, readAt, lines })
    return lines
  }

  forgetLoad(uid: string): void {
    const memory = this.#memories.get(uid)
    if (memory && !memory.load?.isRunning) delete memory.load
  }

  expire(uid: string): void {
    const memory = this.#memories.get(uid)
    if (memory) memory.askedAt = 0
  }

  #isFresh(runtime: Runtime, memory: Memory, pod: PodSight): boolean {
    const age = this.#clock.now().getTime() - memory.askedAt
    return memory.pod === pod.name && memory.isReady === pod.isReady && age < maxAge(runtime, memory)
  }
}

const toSight = ({ pod, answer, proof, load }: Memory): EngineSight => ({
  pod,
  answer,
  ...(proof ? { proof } : {}),
  ...(load ? { load } : {}),
})

/** The first answer after a probe sets the mark that later answers must pass: the probe's own tokens prove nothing. */
const keptOf = (old: Memory | undefined, pod: PodSight, { tokens }: EngineAnswer) => {
  if (old?.pod !== pod.name) return {}
  const proof =
    old.proof && old.proof.tokens === undefined && tokens !== undefined ? { ...old.proof, tokens } : old.proof
  return { ...(proof ? { proof } : {}), ...(old.load ? { load: old.load } : {}) }
}

const countersMoved = ({ answer, proof }: Memory, recipe: Recipe): ProofResult | undefined => {
  const isListed = answer.listed.some(one => one.isLoaded && one.identity === recipe.identity)
  const before = proof?.recipe === recipe.hash && proof.isProved ? proof.tokens : undefined
  if (!isListed || before === undefined || answer.tokens === undefined || answer.tokens <= before)
    return undefined
  return { isProved: true, reason: 'Active', message: 'requests are being answered', milliseconds: 0 }
}
