// What was learned from engines by asking them: a cache of answers and proofs, lost without harm when the process ends.
import type { Engine, EngineAnswer, ProofOptions, ProofResult, Recipe } from '../domain/engine.ts'
import { Transient } from '../domain/failure.ts'
import type { Runtime } from '../domain/object.ts'
import type { EngineSight, LoadSight } from '../domain/observation.ts'
import type { Clock, PodSight, Problem } from '../domain/platform.ts'
import { proofLeeway } from '../domain/runtime-facts.ts'
import { type AskWatch, createAskWatch } from './ask-watch.ts'
import { EngineLogs, type LogSight, type ReadLog } from './engine-logs.ts'
import { busy, isLike, keptProof, movedSince, withTokens } from './proof-marks.ts'
import { isLeft, isSameRun, Questions } from './questions.ts'

export interface EngineWatch {
  /** What the engine in this pod says; asked anew when the last answer is too old for the present needs. */
  look(runtime: Runtime, engine: Engine, pod: PodSight | undefined): Promise<EngineSight | undefined>
  /** One proof; a busy engine whose counters move is proved by them, one behind a key by nothing else here. */
  prove(runtime: Runtime, engine: Engine, recipe: Recipe): Promise<ProofResult | undefined>
  /** Of an engine that was proved and answers as before, one more proof. False: it answers otherwise, or the proof is not good,
   *  or it is one of those that must be looked at each time. */
  renew(runtime: Runtime, engine: Engine, recipe: Recipe): Promise<boolean>
  /** Behind a key: what its workers have found; the sight with it. */
  readonly asks: AskWatch
  noteProof(uid: string, proof: EngineSight['proof']): EngineSight | undefined
  /** Starts an in-place load and remembers how it ends; `done` is called then. */
  load(runtime: Runtime, engine: Engine, recipe: Recipe, done: () => void): void
  /** A new switch may load again what failed or was loaded before. */
  forgetLoad(uid: string): void
  /** The newest lines of the pod's log, read at most once a second unless the pod changed; forgotten without a reader. */
  log(runtime: Runtime, pod: PodSight | undefined, read?: ReadLog): Promise<LogSight>
  /** What was to go has left the memory of the engine; clients may load it again. */
  noteUnload(uid: string): void
  /** Tell what pod there is now: what is asked of one that is gone or not ready any more is not waited for, and proves nothing. */
  heed(uid: string, pod: PodSight | undefined): void
  /** Forces the next look to ask. */
  expire(uid: string): void
}

interface Memory {
  pod: string
  /** another run of the container is another engine */
  restarts: number
  isReady: boolean
  address: string
  askedAt: number
  answer: EngineAnswer
  proof?: EngineSight['proof']
  load?: EngineSight['load']
  unloadedAt?: string
  /** its pod was gone, or not ready any more, after it was asked */
  isLeft?: true
}

const askTimeout = 2_000
const eager = 900
/** so long a list that was answered stands for the one that a proof would ask for */
const momentMs = 250
const loadingPoll = 200
const loadTimeout = 1_800_000
/** between two looks at the counters of an engine that left a probe waiting */
const movePause = 300
/** loads that lie further apart have nothing to do with each other */
const calmMs = 600_000

const isKeyed = ({ spec }: Runtime): boolean => spec.apiKeySecretRef !== undefined

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
  readonly asks: AskWatch
  readonly #clock: Clock
  readonly #memories = new Map<string, Memory>()
  readonly #logs: EngineLogs
  readonly #questions = new Questions()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#logs = new EngineLogs(clock)
    this.asks = createAskWatch(clock)
  }

  async look(runtime: Runtime, engine: Engine, pod: PodSight | undefined): Promise<EngineSight | undefined> {
    const { uid } = runtime.metadata
    if (!pod?.address || !pod.isRunning) return void this.#memories.delete(uid)
    const old = this.#memories.get(uid)
    if (old && (isLosing(old, pod) || this.#isFresh(runtime, old, pod))) return toSight(old)
    const { name, restarts, isReady, address } = pod
    const run = { pod: name, restarts, isReady }
    const answer = await this.#questions.ask(uid, run, engine.ask(address, askTimeout, isKeyed(runtime)))
    if (!answer) return old && toSight(old)
    const kept = old && isSameRun(old, pod) ? keptOf(old, answer) : {}
    return toSight(this.#note(uid, { ...kept, ...run, address }, answer))
  }

  #note(uid: string, memory: Omit<Memory, 'askedAt' | 'answer'>, answer: EngineAnswer): Memory {
    const noted = { ...memory, askedAt: this.#clock.now().getTime(), answer }
    this.#memories.set(uid, noted)
    return noted
  }

  async renew(runtime: Runtime, engine: Engine, recipe: Recipe): Promise<boolean> {
    const { uid } = runtime.metadata
    const old = this.#memories.get(uid)
    if (!old?.proof?.isProved || old.proof.recipe !== recipe.hash || isKeyed(runtime)) return false
    const answer = await this.#questions.ask(uid, old, engine.ask(old.address, askTimeout))
    if (!answer || this.#memories.get(uid) !== old) return false
    const { pod, restarts, isReady, address } = old
    this.#note(uid, { ...keptOf(old, answer), pod, restarts, isReady, address }, answer)
    return isLike(old.answer, answer) && (await this.prove(runtime, engine, recipe))?.isProved === true
  }

  async prove(runtime: Runtime, engine: Engine, recipe: Recipe): Promise<ProofResult | undefined> {
    const { uid } = runtime.metadata
    const memory = this.#memories.get(uid)
    if (!memory || memory.isLeft) return undefined
    const { mode, timeoutSeconds } = runtime.spec.proof
    // A list that was not answered has used up some of the time already.
    const spent = memory.answer.state === 'Silent' ? askTimeout : 0
    const timeoutMs = Math.max(1_000, timeoutSeconds * 1000 - spent)
    const moved = movedSince(memory.proof, memory.answer, recipe)
    if (!moved && isKeyed(runtime)) return undefined
    const probe = () => engine.prove(memory.address, recipe, { mode, timeoutMs, ...this.#justListed(memory) })
    const result =
      moved ?? (await this.#questions.ask(uid, memory, this.#unlessBusy(memory, engine, recipe, probe)))
    if (!result) return undefined
    const now = this.#clock.now()
    if (!result.isProved) memory.askedAt = now.getTime()
    const proof = { ...result, recipe: recipe.hash, at: now.toISOString() }
    memory.proof = result === busy ? withTokens(proof, memory.answer) : proof
    return result
  }

  /** A proof follows a look in the same pass as a rule: its list need not be asked for twice. */
  #justListed({ answer, askedAt }: Memory): Pick<ProofOptions, 'listed'> {
    const isTold = answer.state === 'Answers' && !answer.isBehindKey
    return isTold && this.#clock.now().getTime() - askedAt < momentMs ? { listed: answer.listed } : {}
  }

  /** A probe that waited in vain beside requests that are being answered proves nothing against the engine. */
  async #unlessBusy(
    memory: Memory,
    engine: Engine,
    recipe: Recipe,
    probe: () => Promise<ProofResult>,
  ): Promise<ProofResult> {
    const wasProved = memory.proof?.isProved === true && memory.proof.recipe === recipe.hash
    const result = await probe()
    if (!wasProved || result.reason !== 'EngineSilent' || memory.answer.tokens === undefined) return result
    const first = await engine.ask(memory.address, askTimeout)
    if (first.tokens === undefined) return result
    await new Promise<void>(resolve => void this.#clock.after(movePause, resolve))
    memory.answer = await engine.ask(memory.address, askTimeout)
    return (
      movedSince({ ...result, isProved: true, recipe: recipe.hash, ...first }, memory.answer, recipe) ??
      result
    )
  }

  noteProof(uid: string, proof: EngineSight['proof']): EngineSight | undefined {
    const memory = this.#memories.get(uid)
    if (!memory) return undefined
    if (proof) memory.proof = proof
    else delete memory.proof
    return toSight(memory)
  }

  load(runtime: Runtime, engine: Engine, recipe: Recipe, done: () => void): void {
    const memory = this.#memories.get(runtime.metadata.uid)
    if (!memory || (memory.load?.isRunning && memory.load.recipe === recipe.hash)) return
    const attempt = this.#isSoon(memory.load) ? memory.load.attempt + 1 : 1
    const load = { recipe: recipe.hash, isRunning: true, attempt }
    memory.load = load
    // What is loaded anew has to be proved anew.
    delete memory.proof
    const end = (problem?: Problem): void => {
      const current = this.#memories.get(runtime.metadata.uid) ?? memory
      if (current.load !== load && current.load?.recipe !== load.recipe) return
      const endedAt = this.#clock.now().toISOString()
      current.load = { ...load, isRunning: false, endedAt, ...(problem ? { problem } : {}) }
      current.askedAt = 0
      done()
    }
    engine.load(memory.address, recipe, loadTimeout).then(
      () => end(),
      (error: Error) => end(toProblem(error)),
    )
  }

  #isSoon(load: Memory['load']): load is LoadSight {
    return load?.endedAt !== undefined && this.#clock.now().getTime() - Date.parse(load.endedAt) < calmMs
  }

  log(runtime: Runtime, pod: PodSight | undefined, read?: ReadLog): Promise<LogSight> {
    return this.#logs.read(runtime.metadata.uid, pod, read)
  }

  forgetLoad(uid: string): void {
    const memory = this.#memories.get(uid)
    if (memory && !memory.load?.isRunning) delete memory.load
  }

  noteUnload(uid: string): void {
    const memory = this.#memories.get(uid)
    if (memory) memory.unloadedAt = this.#clock.now().toISOString()
  }

  heed(uid: string, pod: PodSight | undefined): void {
    const memory = this.#memories.get(uid)
    if (memory && isLeft(memory, pod)) memory.isLeft = true
    this.#questions.heed(uid, pod)
  }

  expire(uid: string): void {
    const memory = this.#memories.get(uid)
    if (memory) memory.askedAt = 0
  }

  #isFresh(runtime: Runtime, memory: Memory, pod: PodSight): boolean {
    const now = this.#clock.now().getTime()
    const provedAt = memory.proof ? Date.parse(memory.proof.at) : now
    // Before a request is made the cheap look is renewed: one that is asleep would keep the request waiting.
    const isDue = now - provedAt >= runtime.spec.proof.intervalSeconds * 1000 - proofLeeway(runtime)
    const limit = isDue ? Math.min(eager, maxAge(runtime, memory)) : maxAge(runtime, memory)
    const isOfThis = isSameRun(memory, pod) && memory.isReady === pod.isReady && !memory.isLeft
    return isOfThis && now - memory.askedAt < limit
  }
}

const toSight = ({ pod, answer, proof, load, unloadedAt }: Memory): EngineSight => ({
  pod,
  answer,
  ...(proof ? { proof } : {}),
  ...(load ? { load } : {}),
  ...(unloadedAt ? { unloadedAt } : {}),
})

const toProblem = (error: Error): Problem => ({
  reason: error instanceof Transient ? error.reason : 'LoadFailed',
  message: error.message,
})

const keptOf = ({ proof, load, unloadedAt }: Memory, answer: EngineAnswer) => ({
  ...keptProof(proof, answer),
  ...(load ? { load } : {}),
  ...(unloadedAt ? { unloadedAt } : {}),
})

/** A pod that is not ready any more is news enough: status must not wait for an answer that may not come. */
const isLosing = (memory: Memory, pod: PodSight): boolean => {
  if (!isSameRun(memory, pod) || !memory.isReady || pod.isReady) return false
  Object.assign(memory, { isReady: false, askedAt: 0 })
  return true
}
