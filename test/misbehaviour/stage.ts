// A stage for one row: the production loop on the memory platform in real time, and real engine processes over real HTTP.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Condition, Reason } from '../../src/domain/conditions.ts'
import type { EngineName } from '../../src/domain/parts.ts'
import type { RuntimeStatus } from '../../src/domain/runtime.ts'
import { createEngineFetch } from '../../src/engines/engine-fetch.ts'
import type { Fetch } from '../../src/engines/http.ts'
import { createLlamaCpp } from '../../src/engines/llama-cpp.ts'
import { createOllama } from '../../src/engines/ollama.ts'
import { createVllm } from '../../src/engines/vllm.ts'
import { patchSpec } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { commit, publish, writeMadeRuntime, writeModel, writeOllamaModel } from '../builders/memory-cast.ts'
import { addClaim, createWorld, modelIn, runtimeIn, startController } from '../builders/memory-stage.ts'
import { ollamaLayers, writeOllamaStore, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { awakeNow } from './awake-time.ts'
import { Kubelet } from './kubelet.ts'
import { Oracle } from './oracle.ts'

interface Said {
  readonly at: number
  readonly phase: string
  readonly reason: Reason
  readonly message: string
  readonly ready: string
}

interface StageWish {
  readonly engine: EngineName
  /** of the Runtime */
  readonly spec?: object
  /** arguments of model b */
  readonly engineArgs?: readonly string[]
}

const runtimeName = 'gpu'

/** Both models are on disk and verified; no engine runs and none is wanted yet. */
export const openStage = async (wish: StageWish): Promise<Stage> => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-misbehaviour-'))
  let kubelet: Kubelet | undefined
  const world = createWorld(made => {
    kubelet = new Kubelet(made, { volume: join(folder, 'models'), graceSeconds: 2 })
  })
  world.script.downloadSeconds = 1
  addClaim(world)
  const laid = ['a', 'b'].map(letter => (wish.engine === 'VLLM' ? layVllm : layOllama)(world, folder, letter))
  writeObjects(world, wish)
  const stage = new Stage(world, kubelet as Kubelet, { folder, laid })
  const isVerified = () => ['a', 'b'].every(name => modelIn(world, name)?.status.phase === 'Ready')
  if (!(await world.clock.until(isVerified, 120_000))) throw new Error('the models did not become Ready')
  stage.start()
  return stage
}

const proof = { intervalSeconds: 2, timeoutSeconds: 3 }

const writeObjects = (world: World, { engine, spec, engineArgs }: StageWish): void => {
  const isOllama = engine === 'Ollama'
  const containers = [{ name: isOllama ? 'ollama' : 'vllm' }]
  writeMadeRuntime(world, runtimeName, {
    engine,
    kubernetes: { podTemplate: { spec: { containers } } },
    proof,
    ...spec,
    switch: { drainSeconds: 1, stallSeconds: 60, ...(spec as { switch?: object } | undefined)?.switch },
  })
  const runtimes = [{ name: runtimeName }]
  const write = isOllama ? writeOllamaModel : writeModel
  write(world, 'a', { runtimes })
  write(world, 'b', { runtimes, ...(engineArgs ? { engineArgs: [{ engine, args: engineArgs }] } : {}) })
}

const snapshotOf = (letter: string): string => `hub/models--org--${letter}/snapshots/${commit(letter)}`

/** A model on the disk. */
interface Laid {
  readonly model: string
  /** root or digest, as its engine lists it */
  readonly identity: string
  /** its file of weights */
  readonly weights: string
}

const layVllm = (world: World, folder: string, letter: string): Laid => {
  publish(world, `org/${letter}`, letter)
  const model = writeTinyModel(join(folder, letter), { name: letter, forms: ['huggingFace'] })
  const snapshot = snapshotOf(letter)
  const at = join(folder, 'models', snapshot)
  mkdirSync(dirname(at), { recursive: true })
  symlinkSync(model.folder, at)
  return { model: letter, identity: `/models/${snapshot}`, weights: join(at, 'model.safetensors') }
}

const layOllama = (world: World, folder: string, letter: string): Laid => {
  const store = join(folder, 'models/ollama')
  const model = writeTinyModel(join(folder, letter), { name: letter, forms: ['gguf'] })
  const image = ollamaLayers(model)
  writeOllamaStore(store, `library/${letter}:latest`, image)
  const revision = `sha256:${image.digest}`
  world.script.sources.set(`${letter}:latest`, { revision, bytes: 2e9, format: 'Ollama' })
  const layer = image.layers.find(one => one.mediaType.endsWith('image.model'))
  const weights = join(store, 'blobs', layer?.digest.replace(':', '-') ?? '')
  return { model: letter, identity: revision, weights }
}

interface Scenery {
  readonly folder: string
  readonly laid: readonly Laid[]
}

export class Stage {
  readonly world: World
  readonly kubelet: Kubelet
  readonly scenery: Scenery
  readonly oracle: Oracle
  readonly isInPlace: boolean
  /** every status of the Runtime that was written */
  readonly said: Said[] = []
  /** a policy of the network drops what the operator sends */
  isCutOff = false
  readonly #ends: (() => void)[] = []
  isOver = false
  readonly #fetch = createEngineFetch()
  #turnedAt = 0
  #isTurning = false

  constructor(world: World, kubelet: Kubelet, scenery: Scenery) {
    this.world = world
    this.kubelet = kubelet
    this.scenery = scenery
    this.isInPlace = scenery.laid.every(one => !one.identity.startsWith('/'))
    this.oracle = new Oracle(() => kubelet.engines.map(engine => engine.controlUrl))
    world.runtimes.subscribe(() => this.#note())
    const parts = { fetch: this.#send }
    const engines = { VLLM: createVllm(parts), Ollama: createOllama(parts), LlamaCpp: createLlamaCpp(parts) }
    const controller = startController(world, { engines, onError: line => console.log(line) })
    this.#ends.push(controller.stop)
  }

  /** From here on the hand of the clock goes with the real time. */
  start(): void {
    void this.oracle.watch()
    this.#turnedAt = awakeNow()
    const turning = setInterval(() => void this.#turn(), 7)
    this.#ends.push(() => clearInterval(turning))
  }

  get status(): RuntimeStatus {
    return runtimeIn(this.world, runtimeName)?.status ?? {}
  }

  wish(change: object): void {
    patchSpec(this.world, 'Runtime', runtimeName, change)
  }

  async until(holds: (stage: Stage) => boolean, ms: number): Promise<number> {
    const end = awakeNow() + ms
    while (!holds(this)) {
      void this.#turn()
      if (awakeNow() > end) throw new Error(`not so within ${ms} ms; said: ${this.story()}`)
      await sleep(20)
    }
    return awakeNow()
  }

  untilActive(model: string, ms = 30_000): Promise<number> {
    return this.until(
      ({ status }) => status.phase === 'Active' && status.active?.model === model && !status.switch,
      ms,
    )
  }

  /** The moment from `since` on at which the reason stood in Ready first. */
  async untilSaid(reason: Reason, since: number, ms: number): Promise<Said> {
    const find = () => this.said.find(one => one.at >= since && one.reason === reason)
    await this.until(() => find() !== undefined, ms)
    return find() as Said
  }

  /** Lets it go on for a while: that something never happens has no condition to wait for. */
  hold(ms: number): Promise<void> {
    return sleep(ms)
  }

  async end(): Promise<void> {
    this.isOver = true
    this.oracle.end()
    for (const end of this.#ends) end()
    await this.kubelet.end()
    rmSync(this.scenery.folder, { recursive: true, force: true })
  }

  story(): string {
    return this.said
      .map(
        one =>
          `\n  ${one.at - (this.said[0]?.at ?? 0)} ${one.phase} (${one.ready} ${one.reason}): ${one.message}`,
      )
      .join('')
  }

  #note(): void {
    const { status } = this
    const ready = (status.conditions as Condition[] | undefined)?.find(one => one.type === 'Ready')
    const { phase = '' } = status
    if (!ready) return
    const { reason, message } = ready
    this.said.push({ at: awakeNow(), phase, reason, message, ready: ready.status })
    const identity = this.scenery.laid.find(one => one.model === status.active?.model)?.identity
    const isReady = ready.status === 'True' && status.active !== undefined
    this.oracle.note({ isReady, identity, reason })
  }

  /** `memory://<pod>/<path>` reaches the pod's process. */
  readonly #send: Fetch = (url, request) => {
    const [, pod = '', path = ''] = /^memory:\/\/([^/]+\/[^/]+)(\/.*)$/.exec(url) ?? []
    if (this.isCutOff) return Promise.reject(Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' }))
    return this.#fetch(`http://127.0.0.1:${this.kubelet.portOf(pod) ?? 1}${path}`, request)
  }

  /** Turns the hand of the world's clock as far as the real one has gone. */
  async #turn(): Promise<void> {
    if (this.#isTurning || this.isOver) return
    this.#isTurning = true
    const now = awakeNow()
    await this.world.clock.run(now - this.#turnedAt).finally(() => {
      this.#isTurning = false
    })
    this.#turnedAt = now
  }
}
