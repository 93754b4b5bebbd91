// Pods of the memory world as real processes of the engine stand-in: started, probed, restarted and ended as a kubelet does.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sightPod } from '../../src/platform/kubernetes/pod-sight.ts'
import { freshPod } from '../../src/platform/memory/memory-pods.ts'
import type { Deployment, Pod, World } from '../../src/platform/memory/memory-world.ts'
import type { EngineFault } from '../stand-ins/engine/faults.ts'
import { type EngineProcess, freePort, startEngineProcess } from '../stand-ins/engine/start.ts'
import { awakeNow } from './awake-time.ts'

/** As the pod template would say it. */
interface KubeletWish {
  /** holds what the pods mount at /models */
  readonly volume: string
  readonly graceSeconds: number
  readonly environment?: Readonly<Record<string, string>>
}

/** kubelet's own: at once, then ever later. */
const restartMs = [200, 10_000, 20_000, 40_000]
const probeMs = 250
const unreadyMs = 3_000

export class Kubelet {
  readonly #world: World
  readonly #wish: KubeletWish
  readonly #running = new Map<string, { readonly engine: EngineProcess; readonly startedAt: number }>()
  readonly #ports = new Map<string, number>()
  #faults: readonly EngineFault[] = []
  #isOver = false
  /** pods that do not end, whatever is sent to them */
  hasUndeadPods = false

  constructor(world: World, wish: KubeletWish) {
    this.#world = world
    this.#wish = wish
    mkdirSync(wish.volume, { recursive: true })
    world.deployments.subscribe(({ name }) => this.#settle(name))
    world.pods.subscribe(({ name }) => this.#settle(name.slice(0, name.lastIndexOf('-'))))
  }

  /** The engines that run now. */
  get engines(): readonly EngineProcess[] {
    return [...this.#running.values()].map(({ engine }) => engine)
  }

  /** When the newest process was started. */
  get newestStart(): number {
    return Math.max(0, ...[...this.#running.values()].map(({ startedAt }) => startedAt))
  }

  portOf(pod: string): number | undefined {
    return this.#ports.get(pod)
  }

  /** For every process, running or to come. */
  async setFaults(faults: readonly EngineFault[]): Promise<void> {
    this.#faults = faults
    await Promise.all(this.engines.map(engine => engine.setFaults(faults)))
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.engines.map(engine => engine.stop('SIGKILL')))
  }

  #settle(key: string): void {
    if (this.#isOver) return
    const deployment = this.#world.deployments.get(key)
    const pods = this.#world.pods.list().filter(pod => pod.deployment === key)
    const isCurrent = (pod: Pod) =>
      deployment &&
      deployment.replicas > 0 &&
      JSON.stringify(pod.template) === JSON.stringify(deployment.template)
    for (const pod of pods) if (!isCurrent(pod)) void this.#letLeave(pod.name)
    if (deployment && deployment.replicas > 0 && this.#world.pods.list().every(pod => pod.deployment !== key))
      this.#create(key, deployment)
  }

  #create(key: string, deployment: Deployment): void {
    const pod = freshPod(this.#world, deployment, key)
    this.#world.pods.put(pod.name, () => pod)
    void this.#run(pod.name, [])
  }

  /** SIGTERM, then the grace period, then SIGKILL. */
  async #letLeave(name: string): Promise<void> {
    const pod = this.#world.pods.get(name)
    if (!pod || pod.isLeaving) return
    this.#edit(name, { isLeaving: true, isReady: false })
    const running = this.#running.get(name)
    if (running) {
      void running.engine.stop()
      await Promise.race([running.engine.exited, sleep(this.#wish.graceSeconds * 1000)])
      await running.engine.stop('SIGKILL')
    }
    if (!this.hasUndeadPods) this.#world.pods.drop(name)
  }

  /** In sight are the lines of this run behind those of the one before, as the cluster's own log is read. */
  async #run(name: string, before: readonly string[]): Promise<void> {
    const pod = this.#world.pods.get(name)
    if (!pod || pod.isLeaving || this.#isOver) return
    const port = await freePort()
    const log = [...before]
    const engine = await startEngineProcess({
      ...this.#launch(pod, port),
      onLine: line => void log.push(line),
    })
    this.#ports.set(name, port)
    this.#running.set(name, { engine, startedAt: awakeNow() })
    this.#edit(name, { isRunning: true, log })
    const probing = new AbortController()
    void this.#probe(name, port, probing.signal)
    const code = await engine.exited
    probing.abort()
    this.#running.delete(name)
    await this.#takeEnd(name, { code, log: log.slice(before.length) })
  }

  #launch(pod: Pod, port: number) {
    const { volume, environment } = this.#wish
    const isOllama = pod.engine === 'Ollama'
    const command = isOllama ? ['ollama', 'serve'] : ['vllm', ...pod.template.args]
    const own = isOllama
      ? { OLLAMA_HOST: `127.0.0.1:${port}`, OLLAMA_MODELS: join(volume, 'ollama') }
      : { ENGINE_MOUNT: `/models=${volume}`, VLLM_SERVER_DEV_MODE: '1' }
    const at = isOllama ? [] : ['--host', '127.0.0.1', '--port', String(port)]
    return {
      command: [...command, ...at],
      port,
      faults: this.#faults,
      environment: { ...own, ...environment },
    }
  }

  async #takeEnd(
    name: string,
    { code, log }: { code: number | string; log: readonly string[] },
  ): Promise<void> {
    const pod = this.#world.pods.get(name)
    if (!pod || pod.isLeaving || this.#isOver) return
    const restarts = pod.restarts + 1
    const problem = this.#problemOf(code, restarts)
    this.#edit(name, { isRunning: false, isReady: false, restarts, ...(problem ? { problem } : {}) })
    await sleep(restartMs[Math.min(restarts, restartMs.length) - 1])
    await this.#run(name, log)
  }

  /** In the words that the cluster's own pod status would be read with. */
  #problemOf(code: number | string, restarts: number) {
    const exitCode = typeof code === 'number' ? code : 137
    const terminated = { exitCode, reason: code === 137 ? 'OOMKilled' : 'Error' }
    const state = restarts > 1 ? { waiting: { reason: 'CrashLoopBackOff' } } : { terminated }
    const raw = {
      metadata: { name: 'pod', uid: 'uid' },
      status: { containerStatuses: [{ name: 'engine', state, lastState: { terminated } }] },
    }
    const world = {
      container: 'engine',
      port: 0,
      service: undefined,
      nodes: undefined,
      recipeOf: () => undefined,
    }
    return sightPod(raw as unknown as Parameters<typeof sightPod>[0], world).problem
  }

  /** Ready at the first good answer, no longer after three bad seconds. */
  async #probe(name: string, port: number, ended: AbortSignal): Promise<void> {
    const path = this.#world.pods.get(name)?.engine === 'Ollama' ? '/api/version' : '/health'
    const isGood = () =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        redirect: 'manual',
        signal: AbortSignal.timeout(1_000),
      }).then(
        ({ status }) => status < 400,
        () => false,
      )
    for (let goodAt = Number.NEGATIVE_INFINITY; !ended.aborted; await sleep(probeMs)) {
      if (await isGood()) goodAt = awakeNow()
      if (ended.aborted) return
      const isReady = this.#world.pods.get(name)?.isReady
      const age = awakeNow() - goodAt
      if (!isReady && age < probeMs) this.#edit(name, { isReady: true, readyAt: this.#world.now() })
      if (isReady && age > unreadyMs) this.#edit(name, { isReady: false })
    }
  }

  #edit(name: string, change: Partial<Pod>): void {
    this.#world.edit(
      this.#world.pods,
      name,
      (one): Pod => (one.isLeaving && change.isReady ? one : { ...one, ...change }),
    )
  }
}
