// What an engine stand-in can be told to do wrong: by ENGINE_FAULTS, by its control port, or by the model itself.

const FAULT_NAMES = [
  'load-never-ends',
  'load-fails', // log lines of a failed load, exit 1 (Ollama: 500)
  'load-out-of-memory', // exit 137 (Ollama: 500)
  'load-slow', // takes `milliseconds` more
  'port-taken', // as if another process listened there: exit 1
  'dies-on-request', // healthy, then gone at the first request
  'wrong-root', // lists `value` as the root of what it serves (Ollama: as the digest)
  'wrong-model', // lists another name
  'html', // 200 with a web page
  'hangs', // takes requests and never answers, health included unless `value` is "health-answers"
  'busy', // health and list answer, a request only after `milliseconds`
  'health-flaps', // 200 and 503 change every `milliseconds`
  'health-dead', // 503
  'empty-answer',
  'wake-never-returns',
  'hangs-on-term', // SIGTERM is not obeyed
] as const
export type FaultName = (typeof FAULT_NAMES)[number]

export interface EngineFault {
  readonly fault: FaultName
  /** Only while a model is served whose path or name matches this regular expression. */
  readonly model?: string
  readonly milliseconds?: number
  readonly value?: string
}

export interface FaultBoard {
  readonly find: (name: FaultName, model: ServedThing) => EngineFault | undefined
  readonly set: (faults: readonly EngineFault[]) => void
}

/** A model as faults see it: the words it can be matched by, and the fault that it carries itself. */
export interface ServedThing {
  readonly words: readonly string[]
  /** "load-fails", or "load-slow:3000". */
  readonly ownFault?: string | undefined
}

/** One object, or a list of them. */
export function parseFaults(text: string | undefined): EngineFault[] {
  if (text === undefined || text.trim() === '') return []
  const value: unknown = JSON.parse(text)
  const list = (Array.isArray(value) ? value : [value]) as EngineFault[]
  for (const { fault } of list)
    if (!FAULT_NAMES.includes(fault)) throw new Error(`the engine stand-in knows no fault "${fault}"`)
  return list
}

function ownFault(text: string | undefined): EngineFault | undefined {
  if (text === undefined) return undefined
  const [name, amount] = text.split(':')
  const fault = FAULT_NAMES.find(known => known === name)
  if (fault === undefined) return undefined
  return { fault, ...(amount === undefined ? {} : { milliseconds: Number(amount) }) }
}

export function openFaultBoard(initial: readonly EngineFault[]): FaultBoard {
  let faults = initial
  const applies = (fault: EngineFault, model: ServedThing) =>
    fault.model === undefined || model.words.some(word => new RegExp(fault.model ?? '').test(word))
  return {
    find(name, model) {
      const own = ownFault(model.ownFault)
      if (own?.fault === name) return own
      return faults.find(fault => fault.fault === name && applies(fault, model))
    },
    set(next) {
      faults = next
    },
  }
}
