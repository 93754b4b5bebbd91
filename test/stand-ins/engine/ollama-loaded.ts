// What an Ollama server holds in memory: loading, keep-alive, eviction and unloading.
import { setTimeout as sleep } from 'node:timers/promises'
import type { EngineFault, FaultName, ServedThing } from './faults.ts'
import type { OllamaStore, StoredModel } from './ollama-store.ts'
import { type EngineWorld, never } from './world.ts'

export interface LoadedModel {
  readonly stored: StoredModel
  readonly answer: string
  readonly loop: boolean
  readonly maxContext: number
  readonly thing: ServedThing
  expiresAt: Date
  lastUsed: number
  timer: NodeJS.Timeout | undefined
  keepAlive: number
}

export interface LoadedModels {
  readonly all: () => readonly LoadedModel[]
  /** Loads it when it is not loaded; `keepAlive` (ms, negative: for ever) undefined keeps what was. */
  readonly get: (stored: StoredModel, keepAlive: number | undefined) => Promise<LoadedModel>
  readonly unload: (name: string) => void
  /** Whether the connection of this load call is to be reset: for the first calls only, as many as the fault says. */
  readonly breaks: (stored: StoredModel) => boolean
}

/** The longest time that fits Go's duration: what "for ever" comes to, in the year 2319. */
const FOR_EVER = 9_223_372_036_854

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Seconds as a number, or Go's "5m", "1h30m", "-1s"; in milliseconds. */
export function parseKeepAlive(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number') return value * 1000
  const text = String(value)
  if (/^-?\d+$/.test(text)) return Number(text) * 1000
  const total = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit!]!,
    0,
  )
  return text.startsWith('-') ? -total : total
}

export function openLoadedModels(world: EngineWorld, store: OllamaStore): LoadedModels {
  const loaded = new Map<string, LoadedModel>()
  let broken = 0
  const loading = new Map<string, Promise<LoadedModel>>()
  const most = Number(world.environment['OLLAMA_MAX_LOADED_MODELS'] ?? 3) || 3
  const byDefault = parseKeepAlive(world.environment['OLLAMA_KEEP_ALIVE']) ?? 300_000

  function unload(name: string) {
    const model = loaded.get(name)
    if (model === undefined || world.faults.find('keeps-loaded', model.thing)) return
    clearTimeout(model.timer)
    loaded.delete(name)
    world.stamps.write('unloaded', name)
  }

  function keep(model: LoadedModel, milliseconds: number) {
    clearTimeout(model.timer)
    const span = milliseconds < 0 ? FOR_EVER : milliseconds
    model.keepAlive = milliseconds
    model.expiresAt = new Date(Date.now() + span)
    if (span < 2 ** 31) model.timer = setTimeout(() => unload(model.stored.name), span)
  }

  function makeRoom() {
    while (loaded.size >= most) {
      const [oldest] = [...loaded.values()].sort((a, b) => a.lastUsed - b.lastUsed)
      unload(oldest!.stored.name)
    }
  }

  async function failAsTold(find: (name: FaultName) => EngineFault | undefined) {
    const stuck = find('load-stops-at')
    const percent = stuck?.value ?? 99
    const at = new Date().toISOString()
    if (stuck) world.print(`time=${at} level=DEBUG msg="model load progress ${percent}%"`)
    if (stuck || find('load-never-ends')) await never()
    const failing = find('load-fails')
    if (failing) throw new Error(failing.value ?? 'llama runner process has terminated: exit status 2')
    if (find('load-out-of-device-memory')) throw new Error('cudaMalloc failed: out of memory')
    if (find('load-out-of-memory'))
      throw new Error('model requires more system memory (1.0 GiB) than is available (512.0 MiB)')
  }

  async function load(stored: StoredModel): Promise<LoadedModel> {
    const values = store.verify(stored)
    const text = (key: string) => values.get(key)?.toString()
    const thing = { words: [stored.name, stored.digest], ownFault: text('switchyard.fault') }
    const find = (name: FaultName) => world.faults.find(name, thing)
    world.stamps.write('loading', stored.name)
    await sleep(world.loadMilliseconds + (find('load-slow')?.milliseconds ?? 0))
    await failAsTold(find)
    makeRoom()
    const model: LoadedModel = {
      stored,
      answer: text('switchyard.answer') ?? `I am ${stored.name}.`,
      loop: text('switchyard.loop') === 'true',
      maxContext: Number(values.get('llama.context_length') ?? 2048),
      thing,
      expiresAt: new Date(),
      lastUsed: Date.now(),
      timer: undefined,
      keepAlive: byDefault,
    }
    loaded.set(stored.name, model)
    world.stamps.write('ready', stored.name)
    return model
  }

  function loadOnce(stored: StoredModel): Promise<LoadedModel> {
    const running = loading.get(stored.name)
    if (running !== undefined) return running
    const promise = load(stored).finally(() => loading.delete(stored.name))
    loading.set(stored.name, promise)
    return promise
  }

  return {
    all: () => [...loaded.values()],
    async get(stored, keepAlive) {
      const present = loaded.get(stored.name)
      if (present !== undefined && present.stored.digest !== stored.digest) unload(stored.name)
      const model = loaded.get(stored.name) ?? (await loadOnce(stored))
      model.lastUsed = Date.now()
      keep(model, keepAlive ?? model.keepAlive)
      return model
    },
    unload,
    breaks(stored) {
      const thing = { words: [stored.name, stored.digest] }
      const fault = world.faults.find('load-breaks', thing)
      return fault !== undefined && ++broken <= Number(fault.value ?? 1)
    },
  }
}
