// Tells on the screen what Models and Runtimes do, a line for each change a person would want to see.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Place } from './place.ts'

// biome-ignore lint/suspicious/noExplicitAny: what kubectl prints is looked into freely
type Seen = any

const bar = (percent: number): string =>
  `${'█'.repeat(Math.round(percent / 5)).padEnd(20, '░')} ${String(percent).padStart(3)}%`

const describeModel = ({ status }: Seen): string => {
  const { progress, phase, display } = status
  if (phase !== 'Downloading' || !progress) return phase
  const pace = [display?.speed, display?.eta && `${display.eta} to go`].filter(Boolean).join(', ')
  return `${phase} ${bar(progress.percent)} ${pace}`
}

const describeRuntime = ({ status }: Seen): string => {
  const open = status.switch
  const last = status.lastSwitch
  if (open) return `${status.phase} → ${open.to?.model ?? 'idle'}: ${open.step} (${open.message})`
  const downtime =
    last?.downtimeMilliseconds === undefined
      ? ''
      : `, down for ${(last.downtimeMilliseconds / 1000).toFixed(1)} s`
  return status.phase === 'Active' ? `Active: ${status.active.model} is proved${downtime}` : status.phase
}

export class StoryTeller {
  readonly #place: Place
  readonly #namespace: string
  readonly #say: (line: string) => void
  readonly #told = new Map<string, string>()

  constructor(place: Place, namespace: string, say: (line: string) => void) {
    this.#place = place
    this.#namespace = namespace
    this.#say = say
  }

  untilReady(model: string): Promise<void> {
    return this.#until(
      `Model ${model}`,
      seen => seen.kind === 'Model' && seen.metadata.name === model && isReady(seen),
    )
  }

  untilActive(runtime: string, model: string): Promise<void> {
    const isIt = (seen: Seen) => seen.kind === 'Runtime' && seen.metadata.name === runtime
    return this.#until(
      `Runtime ${runtime}`,
      seen => isIt(seen) && isReady(seen) && seen.status.active?.model === model,
    )
  }

  async #until(what: string, wish: (seen: Seen) => boolean): Promise<void> {
    const seconds = this.#place.patienceSeconds
    const deadline = Date.now() + seconds * 1000
    while (Date.now() < deadline) {
      const objects: Seen[] = await this.#look()
      for (const object of objects) this.#tell(object)
      if (objects.some(wish)) return
      const failed = objects.find(one => `${one.kind} ${one.metadata.name}` === what && hasFailed(one))
      if (failed) throw new Error(`${what}: ${failed.status.phase}: ${readyOf(failed)?.message}`)
      await sleep(400)
    }
    throw new Error(`${what} did not get there within ${seconds / 60} minutes`)
  }

  async #look(): Promise<Seen[]> {
    return JSON.parse(
      await this.#place.kubectl(['get', 'models,runtimes', '-n', this.#namespace, '-o', 'json']),
    ).items
  }

  #tell(object: Seen): void {
    const key = `${object.kind} ${object.metadata.name}`
    if (!object.status?.phase) return
    const line = object.kind === 'Model' ? describeModel(object) : describeRuntime(object)
    if (this.#told.get(key) !== line) this.#say(`${key.padEnd(28)} ${line}`)
    this.#told.set(key, line)
  }
}

const readyOf = (seen: Seen): Seen => seen.status?.conditions?.find((one: Seen) => one.type === 'Ready')

const hasFailed = (seen: Seen): boolean => ['Failed', 'RolledBack', 'Rejected'].includes(seen.status?.phase)

const isReady = (seen: Seen): boolean =>
  seen.status?.observedGeneration === seen.metadata.generation && readyOf(seen)?.status === 'True'
