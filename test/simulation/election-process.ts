// One replica: the production elector, client and fence on the simulated network, writing whenever it believes that it may.
import { Client } from '../../src/platform/kubernetes/kernel/client.ts'
import { type ElectionClock, pause } from '../../src/platform/kubernetes/kernel/election-clock.ts'
import {
  Elector,
  type ElectorSettings,
  type Leadership,
} from '../../src/platform/kubernetes/kernel/elector.ts'
import { CONFIG_MAP } from '../../src/platform/kubernetes/kernel/resources.ts'
import { connect, type Weather } from './election-network.ts'
import type { ElectionServer } from './election-server.ts'
import { between, type ClockFault, clockOf, type Random, type VirtualTime } from './election-time.ts'

export interface ProcessParts {
  readonly time: VirtualTime
  readonly server: ElectionServer
  readonly random: Random
  readonly weather: Weather
  readonly clock: ClockFault
  readonly asksOnce?: boolean
  readonly settings?: Partial<ElectorSettings>
  readonly onEnd: () => void
}

const drainMs = 25_000
const busy = 3
/** of the caches, before it asks for the Lease */
const slowestFillMs = 8_000

export class ElectionProcess {
  readonly name: string
  readonly #parts: ProcessParts
  readonly #clock: ElectionClock
  readonly #stopping = new AbortController()
  readonly #held: (() => void)[] = []
  #state: 'running' | 'stopped' | 'dead' = 'running'
  leadership: Leadership | undefined

  constructor(name: string, parts: ProcessParts) {
    this.name = name
    this.#parts = parts
    this.#clock = clockOf(parts.time, parts.clock, call => this.#deliver(call))
    void this.#run()
  }

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  get weather(): Weather {
    return this.#parts.weather
  }

  /** Its wall clock is set, as by a person or a time server. */
  jump(byMs: number): void {
    this.#parts.clock.wallOffsetMs += byMs
  }

  freeze(): void {
    this.#parts.clock.isWallFrozen = true
  }

  /** SIGSTOP. */
  stop(): void {
    if (!this.isDead) this.#state = 'stopped'
  }

  /** SIGCONT: what has come due meanwhile happens now, in an order that nobody promises. */
  continue(): void {
    if (this.isDead) return
    this.#state = 'running'
    const { random } = this.#parts
    while (this.#held.length > 0 && this.#state === 'running')
      this.#held.splice(Math.floor(random() * this.#held.length), 1)[0]?.()
  }

  /** SIGKILL. */
  kill(): void {
    if (this.isDead) return
    this.#state = 'dead'
    this.#held.length = 0
    this.#parts.onEnd()
  }

  /** SIGTERM. */
  terminate(): void {
    this.#deliver(() => this.#stopping.abort(new Error('stopping')))
  }

  #deliver(call: () => void): void {
    if (this.#state === 'stopped') this.#held.push(call)
    else if (this.#state === 'running') call()
  }

  async #run(): Promise<void> {
    const { time, server, random, asksOnce = false, settings } = this.#parts
    const endpoint = {
      name: this.name,
      weather: this.weather,
      deliver: (call: () => void) => this.#deliver(call),
      after: this.#clock.after,
    }
    const open = new Client(connect({ time, server, random, asksOnce }, endpoint))
    const elector = new Elector(open, {
      namespace: 'n',
      name: 'lease',
      identity: this.name,
      random,
      clock: this.#clock,
      ...settings,
    })
    elector.observe()
    await pause(this.#clock, random() * slowestFillMs, this.#stopping.signal)
    try {
      this.leadership = await elector.acquire(this.#stopping.signal)
    } catch {
      return this.kill()
    }
    this.leadership.signal.addEventListener('abort', () => this.kill())
    if (this.leadership.signal.aborted) return this.kill()
    await this.#work(open.fencedBy(elector))
    await this.leadership.release()
    this.kill()
  }

  /** Several writers, each writing without any guard of its own; after SIGTERM none begins again. */
  async #work(client: Client): Promise<void> {
    const writers = Array.from({ length: busy }, async (_, number) => {
      for (let n = 0; !this.#stopping.signal.aborted; n++) {
        const at = { namespace: 'n', name: `map-${number}` }
        const data = { writer: `${this.name} ${n}` }
        const made = { metadata: { namespace: 'n', name: `${this.name}-${number}-${n}` } }
        await (n % 5 === 4
          ? client.create(CONFIG_MAP, made)
          : client.mergePatch(CONFIG_MAP, { ...at, patch: { data } })
        ).catch(() => undefined)
        await pause(this.#clock, between(this.#parts.random, 50, 800), this.#stopping.signal)
      }
    })
    const stopped = new Promise<void>(resolve => {
      this.#stopping.signal.addEventListener('abort', () => resolve(), { once: true })
      if (this.#stopping.signal.aborted) resolve()
    })
    await stopped
    await Promise.race([Promise.all(writers), pause(this.#clock, drainMs)])
  }
}
