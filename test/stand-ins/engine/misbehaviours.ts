// The library of misbehaviour: what an engine does, which reason must stand in Ready, and how soon. One row each; the rows are
// run for real by test/misbehaviour, and docs/engines.md is written from them.
import type { Reason } from '../../../src/domain/conditions.ts'
import type { EngineName } from '../../../src/domain/parts.ts'
import type { EngineFault } from './faults.ts'

/** First: nothing served before. Second: model a serves, b is made active. Serving: a serves. Leaving: a serves and must go. */
type When = 'First' | 'Second' | 'Serving' | 'Leaving'

/** What is done to an engine from outside, where a fault of its own is not enough. */
type Disturbance =
  | 'kill' // SIGKILL
  | 'freeze' // SIGSTOP
  | 'cutOff' // a network policy drops the operator's packets
  | 'sleep' // another client calls /sleep
  | 'wake' // … and after that /wake_up
  | 'evict' // another client unloads the model
  | 'truncate' // the file of model b's weights is cut short
  | 'undead' // its pod does not end, even after SIGKILL
  | 'crowd' // 400 clients keep 400 requests in flight

export interface Misbehaviour {
  readonly engine: EngineName
  readonly when: When
  /** what the engine does, after "an engine that" */
  readonly does: string
  readonly faults?: readonly EngineFault[]
  readonly disturbance?: Disturbance
  /** of the Runtime */
  readonly spec?: object
  /** of model b */
  readonly engineArgs?: readonly string[]
  readonly says: Reason
  /** words that the message must hold */
  readonly told?: RegExp
  /** seconds of the row's own limit (stallSeconds, maxSeconds) that pass before anything is wrong */
  readonly after?: number
  /** how long Ready may stay True after the bytes stopped to answer: `docs/lifecycle.md`, Proof */
  readonly bound?: 'exit' | 'look' | 'hang'
  /** phase in which it ends while the fault lasts; default: the reason alone is waited for */
  readonly ends?: 'Active' | 'Failed' | 'RolledBack'
  /** true: Ready again, by itself, when the fault is taken back; `Itself`: without that */
  readonly heals?: boolean | 'Itself'
}

const on = (fault: EngineFault['fault'], more: Omit<EngineFault, 'fault'> = {}): readonly EngineFault[] => [
  { fault, ...more },
]

/** Only the engine that is started with model b. */
const onB = (fault: EngineFault['fault'], value?: string): readonly EngineFault[] => [
  { fault, model: 'org--b|^b:', ...(value === undefined ? {} : { value }) },
]

const stalls = { switch: { stallSeconds: 6 } }
const back = { when: 'Second', ends: 'RolledBack' } as const
const vllm = { engine: 'VLLM' } as const
const ollama = { engine: 'Ollama' } as const
const live = { when: 'Serving', heals: true } as const

const vllmLoading: readonly Misbehaviour[] = [
  {
    ...vllm,
    when: 'First',
    does: 'ends while it loads the first model ever',
    faults: on('load-fails'),
    says: 'LoadFailed',
    told: /not supported/,
    ends: 'Failed',
  },
  { ...vllm, ...back, does: 'ends while it loads', faults: onB('load-fails'), says: 'LoadFailed' },
  {
    ...vllm,
    ...back,
    does: 'runs out of device memory while it loads',
    faults: onB('load-out-of-device-memory'),
    says: 'OutOfMemory',
    told: /CUDA out of memory/,
  },
  {
    ...vllm,
    ...back,
    does: 'is killed by the kernel for the container’s memory limit',
    faults: onB('load-out-of-memory'),
    says: 'OutOfMemory',
    told: /OOMKilled/,
  },
  {
    ...vllm,
    ...back,
    does: 'finds its port taken',
    faults: onB('port-taken'),
    says: 'PortTaken',
    told: /98/,
  },
  {
    ...vllm,
    ...back,
    does: 'does not know an argument',
    engineArgs: ['--no-such-flag'],
    says: 'ArgumentsRefused',
    told: /no-such-flag/,
  },
  {
    ...vllm,
    ...back,
    does: 'finds a file that was cut short (half-written cache)',
    disturbance: 'truncate',
    says: 'FilesUnreadable',
    told: /SafetensorError/,
  },
  {
    ...vllm,
    ...back,
    does: 'stops loading at 99 %',
    faults: onB('load-stops-at'),
    spec: stalls,
    after: 6,
    says: 'LoadStalled',
    told: /99/,
  },
  {
    ...vllm,
    ...back,
    does: 'never ends loading',
    faults: onB('load-never-ends'),
    spec: { switch: { maxSeconds: 4 } },
    after: 4,
    says: 'DeadlineExceeded',
  },
  { ...vllm, ...back, does: 'loads, then exits', faults: onB('loads-then-exits'), says: 'LoadFailed' },
  {
    ...vllm,
    ...back,
    does: 'is healthy and ends at its first request',
    faults: onB('dies-on-request'),
    says: 'LoadFailed',
  },
  {
    ...vllm,
    ...back,
    does: 'answers with another model under the wanted name',
    faults: onB('wrong-root', '/models/another'),
    says: 'WrongModel',
    told: /another/,
  },
  {
    ...vllm,
    ...back,
    does: 'serves another revision of the wanted model',
    faults: onB('wrong-root', `/models/hub/models--org--b/snapshots/${'c'.repeat(40)}`),
    says: 'WrongModel',
    told: /cccc/,
  },
  {
    ...vllm,
    ...back,
    does: 'is healthy and lists nothing',
    faults: onB('empty-list'),
    says: 'WrongModel',
    told: /nothing/,
  },
  {
    ...vllm,
    ...back,
    does: 'is of a version without the route of the task',
    faults: onB('route-missing', '^/v1/chat'),
    says: 'TaskNotServed',
    told: /404/,
  },
  {
    ...vllm,
    when: 'Second',
    does: 'is of a version without metrics and sleep routes',
    faults: onB('route-missing', '^/(metrics|is_sleeping)'),
    says: 'Active',
    ends: 'Active',
  },
]

const vllmServing: readonly Misbehaviour[] = [
  {
    ...vllm,
    when: 'Serving',
    does: 'is killed',
    disturbance: 'kill',
    says: 'ModelGone',
    bound: 'exit',
    heals: 'Itself',
  },
  {
    ...vllm,
    when: 'Serving',
    does: 'ends at every request (crash loop)',
    faults: on('dies-on-request'),
    says: 'CrashLoop',
    bound: 'hang',
  },
  { ...vllm, ...live, does: 'says that it is dead', faults: on('health-dead'), says: 'EngineUnhealthy' },
  {
    ...vllm,
    ...live,
    does: 'says dead and healthy by turns (health flaps)',
    faults: on('health-flaps', { milliseconds: 700 }),
    says: 'EngineUnhealthy',
  },
  { ...vllm, ...live, does: 'hangs wholly', faults: on('hangs'), says: 'EngineSilent', bound: 'hang' },
  {
    ...vllm,
    ...live,
    does: 'is frozen (SIGSTOP)',
    disturbance: 'freeze',
    says: 'EngineSilent',
    bound: 'hang',
  },
  {
    ...vllm,
    ...live,
    does: 'hangs behind a healthy server: health and list answer, requests do not',
    faults: on('chat-hangs'),
    says: 'EngineSilent',
    bound: 'hang',
  },
  {
    ...vllm,
    ...live,
    does: 'needs longer for its first token than the proof may take',
    faults: on('busy', { milliseconds: 6_000 }),
    says: 'EngineSilent',
    told: /3000|2\d\d\d|1\d\d\d/,
    bound: 'hang',
  },
  {
    ...vllm,
    ...live,
    does: 'sends its headers byte by byte',
    faults: on('slow-headers', { milliseconds: 300 }),
    says: 'EngineSilent',
    bound: 'hang',
  },
  {
    ...vllm,
    ...live,
    does: 'answers 500 to requests only',
    faults: on('chat-fails'),
    says: 'ProofFailed',
    told: /500/,
    bound: 'hang',
  },
  {
    ...vllm,
    ...live,
    does: 'answers 404 to requests only',
    faults: on('chat-fails', { value: '404' }),
    says: 'TaskNotServed',
    bound: 'hang',
  },
  {
    ...vllm,
    ...live,
    does: 'resets the connection in the middle of an answer',
    faults: on('chat-resets'),
    says: 'ProofFailed',
    bound: 'hang',
  },
  {
    ...vllm,
    ...live,
    does: 'answers 200 with half of an answer',
    faults: on('chat-without-usage'),
    says: 'ProofFailed',
    told: /usage/,
    bound: 'hang',
  },
  { ...vllm, ...live, does: 'answers 200 with a web page', faults: on('html'), says: 'WrongEngine' },
  { ...vllm, ...live, does: 'answers 200 with an empty body', faults: on('empty-body'), says: 'WrongEngine' },
  { ...vllm, ...live, does: 'redirects to another place', faults: on('redirect'), says: 'WrongEngine' },
  { ...vllm, ...live, does: 'lists in wrong JSON types', faults: on('wrong-types'), says: 'WrongEngine' },
  { ...vllm, ...live, does: 'lists more than a megabyte', faults: on('huge-list'), says: 'WrongEngine' },
  {
    ...vllm,
    ...live,
    does: 'wants an API key',
    faults: on('key-needed'),
    says: 'EngineKeyNeeded',
    told: /key/,
  },
  { ...vllm, ...live, does: 'refuses connections', faults: on('refuses'), says: 'EngineUnreachable' },
  {
    ...vllm,
    ...live,
    does: 'cannot be reached by the operator (network policy)',
    disturbance: 'cutOff',
    says: 'EngineUnreachable',
  },
  { ...vllm, ...live, does: 'was put to sleep', disturbance: 'sleep', says: 'EngineAsleep' },
  {
    ...vllm,
    when: 'Serving',
    does: 'was put to sleep, and its wake call never returns',
    faults: on('wake-never-returns'),
    disturbance: 'wake',
    says: 'EngineAsleep',
  },
  {
    ...vllm,
    when: 'Serving',
    does: 'is asleep and says that it is awake',
    faults: on('sleep-lies'),
    disturbance: 'sleep',
    says: 'EngineSilent',
    bound: 'hang',
  },
  {
    ...vllm,
    ...live,
    does: 'serves another model all of a sudden',
    faults: on('wrong-root', { value: '/models/another' }),
    says: 'WrongModel',
  },
  { ...vllm, ...live, does: 'lists nothing all of a sudden', faults: on('empty-list'), says: 'WrongModel' },
  {
    ...vllm,
    when: 'Serving',
    does: 'is busy with 400 requests: it is not gone',
    faults: on('busy', { milliseconds: 6_000, value: 'random' }),
    disturbance: 'crowd',
    says: 'Active',
    ends: 'Active',
  },
]

const vllmLeaving: readonly Misbehaviour[] = [
  {
    ...vllm,
    when: 'Leaving',
    does: 'ignores TERM until it is killed',
    faults: on('hangs-on-term', { model: 'org--a' }),
    says: 'Unloading',
    ends: 'Active',
  },
  {
    ...vllm,
    when: 'Leaving',
    does: 'refuses to end: its pod stays, even after KILL',
    disturbance: 'undead',
    spec: stalls,
    after: 6,
    says: 'UnloadStalled',
    told: /pod/,
  },
  {
    ...vllm,
    when: 'Leaving',
    does: 'cannot be reached when a switch begins',
    disturbance: 'cutOff',
    says: 'EngineUnreachable',
  },
]

const ollamaLoading: readonly Misbehaviour[] = [
  {
    ...ollama,
    when: 'First',
    does: 'answers the first load ever with an error',
    faults: on('load-fails'),
    says: 'LoadFailed',
    told: /terminated/,
    ends: 'Failed',
  },
  { ...ollama, ...back, does: 'answers a load with an error', faults: onB('load-fails'), says: 'LoadFailed' },
  {
    ...ollama,
    ...back,
    does: 'has not enough memory for the model',
    faults: onB('load-out-of-memory'),
    says: 'OutOfMemory',
    told: /requires more system memory/,
  },
  {
    ...ollama,
    ...back,
    does: 'has not enough device memory for the model',
    faults: onB('load-out-of-device-memory'),
    says: 'OutOfMemory',
    told: /out of memory/,
  },
  {
    ...ollama,
    ...back,
    does: 'finds a blob that was cut short (half-written cache)',
    disturbance: 'truncate',
    says: 'FilesUnreadable',
    told: /digest mismatch/,
  },
  {
    ...ollama,
    when: 'First',
    does: 'breaks the connection of the first load call and loads all the same',
    faults: on('load-breaks'),
    says: 'Active',
    ends: 'Active',
  },
  {
    ...ollama,
    ...back,
    does: 'stops loading at 99 %',
    faults: onB('load-stops-at'),
    spec: stalls,
    after: 6,
    says: 'LoadStalled',
  },
]

const ollamaServing: readonly Misbehaviour[] = [
  {
    ...ollama,
    when: 'Serving',
    does: 'is killed',
    disturbance: 'kill',
    says: 'ModelGone',
    bound: 'exit',
    heals: 'Itself',
  },
  {
    ...ollama,
    when: 'Serving',
    does: 'unloads a pinned model for another client',
    disturbance: 'evict',
    says: 'ModelEvicted',
    heals: 'Itself',
  },
  {
    ...ollama,
    ...live,
    does: 'unloads a pinned model and cannot load it again',
    faults: on('load-fails'),
    disturbance: 'evict',
    says: 'ModelEvicted',
  },
  {
    ...ollama,
    ...live,
    does: 'serves other bytes under the wanted name',
    faults: on('wrong-root', { value: 'f'.repeat(64) }),
    says: 'WrongModel',
  },
  {
    ...ollama,
    ...live,
    does: 'lists nothing all of a sudden',
    faults: on('empty-list'),
    says: 'ModelEvicted',
  },
  { ...ollama, ...live, does: 'hangs wholly', faults: on('hangs'), says: 'EngineSilent', bound: 'hang' },
  {
    ...ollama,
    ...live,
    does: 'hangs behind a healthy server: version and list answer, requests do not',
    faults: on('chat-hangs'),
    says: 'EngineSilent',
    bound: 'hang',
  },
  {
    ...ollama,
    ...live,
    does: 'answers 500 to requests only',
    faults: on('chat-fails'),
    says: 'ProofFailed',
    told: /500/,
    bound: 'hang',
  },
  {
    ...ollama,
    ...live,
    does: 'resets the connection in the middle of an answer',
    faults: on('chat-resets'),
    says: 'ProofFailed',
    bound: 'hang',
  },
  {
    ...ollama,
    ...live,
    does: 'is of a version without the list of what is loaded',
    faults: on('route-missing', { value: '^/api/ps' }),
    says: 'WrongEngine',
  },
  { ...ollama, ...live, does: 'answers 200 with a web page', faults: on('html'), says: 'WrongEngine' },
  { ...ollama, ...live, does: 'lists in wrong JSON types', faults: on('wrong-types'), says: 'WrongEngine' },
  { ...ollama, ...live, does: 'wants an API key', faults: on('key-needed'), says: 'EngineKeyNeeded' },
  {
    ...ollama,
    when: 'Leaving',
    does: 'says yes to an unload and keeps the model in memory',
    faults: on('keeps-loaded', { model: '^a:' }),
    spec: stalls,
    after: 6,
    says: 'UnloadStalled',
    told: /a:latest/,
  },
]

export const misbehaviours: readonly Misbehaviour[] = [
  ...vllmLoading,
  ...vllmServing,
  ...vllmLeaving,
  ...ollamaLoading,
  ...ollamaServing,
]
