// A schedule of an election from a seed: three replicas with clocks of their own, two minutes of faults, then a calm end.
import type { ElectorSettings } from '../../src/platform/kubernetes/kernel/elector.ts'
import type { Weather } from './election-network.ts'
import { ElectionProcess } from './election-process.ts'
import { ElectionServer } from './election-server.ts'
import { between, type ClockFault, oneOf, type Random, VirtualTime } from './election-time.ts'
import { randomOf } from './random.ts'

export interface ScheduleOptions {
  readonly settings?: Partial<ElectorSettings>
  readonly asksOnce?: boolean
  /** nothing goes wrong but what the caller does */
  readonly isCalm?: boolean
}

const replicas = 3
const faultsUntilMs = 90_000
const hourMs = 3_600_000
const fine: Weather = { slowestMs: 20, lossPercent: 0, longestWaitMs: 5, silentPercent: 0, isCutOff: false }
const fair: Weather = { ...fine, longestWaitMs: 9_000, silentPercent: 30 }

/** Rates of the three clocks, and how late a write may arrive: with twice the rate little is left of the lease time. */
const clocks: readonly { readonly rates: readonly number[]; readonly slowestMs: number }[] = [
  { rates: [1, 1, 1], slowestMs: 6_000 },
  { rates: [1, 1.0005, 0.9995], slowestMs: 6_000 },
  { rates: [1, 2, 1], slowestMs: 400 },
  { rates: [0.5, 1, 1], slowestMs: 400 },
]

export class Schedule {
  readonly time = new VirtualTime()
  readonly server = new ElectionServer(this.time)
  readonly processes: ElectionProcess[] = []
  readonly faults: string[] = []
  readonly random: Random
  readonly #options: ScheduleOptions
  readonly #clocks: (typeof clocks)[number]
  #isCalm: boolean
  #count = 0

  constructor(seed: number, options: ScheduleOptions = {}) {
    this.random = randomOf(seed)
    this.#options = options
    this.#isCalm = options.isCalm ?? false
    this.#clocks = options.isCalm ? clocks[0]! : oneOf(this.random, clocks)
    for (let n = 0; n < 3; n++) this.server.put(`/api/v1/namespaces/n/configmaps/map-${n}`, `map-${n}`)
    for (let place = 0; place < replicas; place++) this.start(place)
    if (!options.isCalm) this.#plan()
  }

  get leader(): ElectionProcess | undefined {
    const holder = this.server.acquisitions.at(-1)?.holder
    return this.processes.find(each => each.name === holder && !each.isDead)
  }

  /** A new process in the place of one that ended, as kubelet starts it. */
  start(place: number): void {
    const weather: Weather = { ...(this.#isCalm ? fine : fair) }
    const clock: ClockFault = { rate: this.#clocks.rates[place]!, wallOffsetMs: 0, isWallFrozen: false }
    const { time, server, random } = this
    const { settings = {}, asksOnce = false } = this.#options
    const onEnd = (): void => void time.after(between(random, 500, 3_000), () => this.start(place))
    const parts = { time, server, random, weather, clock, settings, asksOnce, onEnd }
    this.processes[place] = new ElectionProcess(`p${place}-${this.#count++}`, parts)
  }

  async play(): Promise<this> {
    await this.time.runUntil(faultsUntilMs)
    this.calm()
    await this.time.runUntil(faultsUntilMs + 75_000)
    return this
  }

  calm(): void {
    this.#isCalm = true
    this.server.isDown = false
    for (const each of this.processes) {
      Object.assign(each.weather, fine)
      each.continue()
    }
  }

  #plan(): void {
    const next = between(this.random, 200, 9_000)
    if (this.time.now + next > faultsUntilMs) return
    this.time.after(next, () => {
      this.#strike()
      this.#plan()
    })
  }

  /** Mostly the leader is struck: of the others nobody hears. */
  #strike(): void {
    const victim = (this.random() < 0.7 && this.leader) || oneOf(this.random, this.processes)
    const [name, strike] = oneOf(this.random, this.#strikes)
    this.faults.push(`${(this.time.now / 1000).toFixed(1)} s ${name} ${victim.name}`)
    strike(victim)
  }

  readonly #strikes: readonly (readonly [string, (victim: ElectionProcess) => void])[] = [
    ['SIGSTOP', victim => this.#stop(victim, 40_000)],
    ['SIGSTOP', victim => this.#stop(victim, 12_000)],
    ['SIGKILL', victim => victim.kill()],
    ['SIGTERM', victim => victim.terminate()],
    ['cut off', victim => this.#worsen(victim, { isCutOff: true })],
    ['slow', victim => this.#worsen(victim, { slowestMs: this.#clocks.slowestMs })],
    ['lossy', victim => this.#worsen(victim, { lossPercent: 40 })],
    [
      'slow and lossy',
      victim => this.#worsen(victim, { lossPercent: 30, slowestMs: this.#clocks.slowestMs }),
    ],
    ['server down', () => this.#takeServerDown()],
    ['wall clock jumps', victim => victim.jump(oneOf(this.random, [-hourMs, hourMs]))],
    ['wall clock stands still', victim => victim.freeze()],
    ['Lease deleted', () => this.server.deleteLease()],
    ['Lease edited', () => this.server.editLease(oneOf(this.random, edits))],
  ]

  #within(ms: number, undo: () => void): void {
    this.time.after(between(this.random, 0, ms), undo)
  }

  #stop(victim: ElectionProcess, mostMs: number): void {
    victim.stop()
    this.#within(mostMs, () => victim.continue())
  }

  #worsen({ weather }: ElectionProcess, change: Partial<Weather>): void {
    Object.assign(weather, change)
    this.#within(25_000, () => Object.assign(weather, this.#isCalm ? fine : fair))
  }

  #takeServerDown(): void {
    this.server.isDown = true
    this.#within(14_000, () => {
      this.server.isDown = false
    })
  }
}

/** What people write into a Lease, mostly to make somebody else lead. */
const edits = [
  { holderIdentity: '' },
  { holderIdentity: null },
  { holderIdentity: 'somebody' },
  { leaseDurationSeconds: 1 },
  { leaseDurationSeconds: 86_400 },
  { holderIdentity: '', leaseDurationSeconds: 1 },
  { renewTime: '2001-01-01T00:00:00.000000Z' },
  { renewTime: '2999-01-01T00:00:00.000000Z' },
  { acquireTime: '2999-01-01T00:00:00.000000Z' },
  { leaseTransitions: 0 },
] as const
