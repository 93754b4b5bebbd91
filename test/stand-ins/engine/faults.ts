// What an engine stand-in can be told to do wrong: by ENGINE_FAULTS, by its control port, or by the model itself.

const FAULT_NAMES = [
  'load-never-ends',
  'load-stops-at', // prints progress up to `value` per cent, then nothing more
  'load-fails', // log lines of a failed load, exit 1 (Ollama: 500); `value` is the error
  'load-out-of-device-memory', // the same, because the model does not fit
  'load-out-of-memory', // exit 137 (Ollama: 500)
  'load-breaks', // Ollama: the connection of the first `value` load calls (1) is reset; loading goes on
  'load-slow', // takes `milliseconds` more
  'loads-then-exits', // gone `milliseconds` after it was ready
  'port-taken', // as if another process listened there: exit 1
  'dies-on-request', // healthy, then gone at the first request
  'wrong-root', // lists `value` as the root of what it serves (Ollama: as the digest)
  'wrong-model', // lists another name
  'empty-list',
  'wrong-types', // lists of another JSON type
  'huge-list', // `value` models more (20000)
  'route-missing', // 404 for paths that match `value`
  'html', // 200 with a web page
  'empty-body', // 200 with nothing
  'redirect', // 302 to another place
  'key-needed', // 401
  'slow-headers', // the header comes byte by byte, one each `milliseconds` (1000)
  'hangs', // takes requests and never answers, health included unless `value` is "health-answers"
  'refuses', // nobody listens any more, while the process runs
  'busy', // health and list answer, a request only after `milliseconds`, or at random within them (`value` "random")
  'chat-hangs', // health and list answer, a request never
  'chat-fails', // health and list answer, a request is answered with the status `value` (500)
  'chat-resets', // the connection is reset in the middle of an answer
  'chat-without-usage', // 200 with half of an answer
  'health-flaps', // 200 and 503 change every `milliseconds`
  'health-dead', // 503
  'empty-answer',
  'wake-never-returns',
  'sleep-lies', // asleep, and says that it is awake
  'keeps-loaded', // says yes to an unload and keeps the model
  'hangs-on-term', // SIGTERM is not obeyed
] as const
export type FaultName = (typeof FAULT_NAMES)[number]

/** With one of these no client gets an answer of the model, whatever health and list say. */
const MUTE: readonly FaultName[] = [
  'dies-on-request',
  'wrong-model',
  'html',
  'empty-body',
  'redirect',
  'slow-headers',
  'hangs',
  'refuses',
  'chat-hangs',
  'chat-fails',
  'chat-resets',
  'chat-without-usage',
]

export interface EngineFault {
  readonly fault: FaultName
  /** Only while a model is served whose path or name matches this regular expression. */
  readonly model?: string
  readonly milliseconds?: number
  readonly value?: string
}

export interface FaultBoard {
  readonly find: (name: FaultName, model: ServedThing) => EngineFault | undefined
  readonly isMute: (model: ServedThing) => boolean
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
  const find = (name: FaultName, model: ServedThing) => {
    const own = ownFault(model.ownFault)
    if (own?.fault === name) return own
    return faults.find(fault => fault.fault === name && applies(fault, model))
  }
  return {
    find,
    isMute: model => MUTE.some(name => find(name, model) !== undefined),
    set(next) {
      faults = next
    },
  }
}
