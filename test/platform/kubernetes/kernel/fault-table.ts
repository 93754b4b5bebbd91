// Every fault of the wire that the kernel must live through on a real API server, and what a caller may hear of it.

import type { ReflectorOptions } from '../../../../src/platform/kubernetes/kernel/reflector.ts'
import {
  expired,
  type Fault,
  html,
  isWatch,
  isWrite,
  type ProxiedRequest,
  refusal,
  type Treatment,
} from '../../../cluster/fault-proxy/faults.ts'

export interface Row {
  readonly name: string
  readonly faults: readonly Fault[]
  /** reasons of the errors that a caller may get, each an ApiError or a NoAnswer; none = the kernel bears it alone */
  readonly hears: readonly string[]
  /** by chance none of them is heard */
  readonly isMildByChance?: true
  /** an event that is refused for good is dropped, as a diary may be */
  readonly losesEvents?: true
  /** two tries just fit into the renew deadline: it may be over, then the fence is closed */
  readonly mayLoseLease?: true
  /** everything had to be read afresh after the first fill */
  readonly readsAfresh?: true
  readonly options?: ReflectorOptions
}

const isFill = ({ query }: ProxiedRequest): boolean => query.get('sendInitialEvents') === 'true'
const isFollow = (request: ProxiedRequest): boolean => isWatch(request) && !isFill(request)
const isCall = (request: ProxiedRequest): boolean => !isWatch(request)
const isPage = ({ query }: ProxiedRequest): boolean => query.has('continue')

/** Requests of one kind: what is done to the first of each kind is done to all that the kernel does. */
const kindOf = (request: ProxiedRequest): string => {
  const resource = /\/(configmaps|events|leases)/.exec(request.path)?.[1]
  return `${request.method} ${resource} ${isFill(request) ? 'fill' : isWatch(request)}`
}

/** Done to the first `times` requests of each kind. */
const first = (
  times: number,
  treatment: Treatment,
  hits: (request: ProxiedRequest) => boolean = () => true,
): Fault => {
  const done = new Map<string, number>()
  const treat = (request: ProxiedRequest) => {
    const count = done.get(kindOf(request)) ?? 0
    if (!hits(request) || count >= times) return undefined
    done.set(kindOf(request), count + 1)
    return treatment
  }
  return { name: treatment.do, treat }
}

const says = (...answer: Parameters<typeof refusal>): Treatment => ({
  do: 'answer',
  answer: refusal(...answer),
})

export const table: readonly Row[] = [
  {
    name: 'a reset before the request arrives',
    faults: [first(2, { do: 'reset', when: 'before' })],
    hears: ['Network'],
  },
  {
    name: 'a reset instead of the answer, after the effect',
    faults: [first(2, { do: 'reset', when: 'instead' })],
    hears: ['Network', 'Conflict'],
  },
  {
    name: 'a reset inside the answer',
    faults: [first(2, { do: 'reset', when: 'inside' })],
    hears: ['Network', 'Conflict'],
  },
  {
    name: 'a reset after the answer',
    faults: [first(2, { do: 'reset', when: 'after' })],
    hears: ['Network'],
    isMildByChance: true,
  },
  { name: '401 once', faults: [first(1, says(401, 'Unauthorized'))], hears: [] },
  {
    name: '409',
    faults: [first(2, says(409, 'Conflict'), isWrite)],
    hears: ['Conflict'],
    losesEvents: true,
  },
  { name: '422', faults: [first(2, says(422, 'Invalid'))], hears: ['Invalid'], losesEvents: true },
  { name: '429 without Retry-After', faults: [first(2, says(429, 'TooManyRequests'))], hears: [] },
  {
    name: '429 with Retry-After',
    faults: [first(2, says(429, 'TooManyRequests', { 'retry-after': '1' }))],
    hears: [],
  },
  { name: '500', faults: [first(2, says(500, 'InternalError'))], hears: ['InternalError'] },
  { name: '503', faults: [first(2, says(503, 'ServiceUnavailable'))], hears: ['ServiceUnavailable'] },
  { name: '504', faults: [first(2, says(504, 'Timeout'))], hears: ['Timeout'] },
  {
    name: '504 after the effect',
    faults: [first(2, { do: 'answer', answer: refusal(504, 'Timeout'), tookEffect: true })],
    hears: ['Timeout', 'Conflict'],
  },
  { name: 'silence', faults: [first(1, { do: 'hold' }, isCall)], hears: ['Timeout'], mayLoseLease: true },
  {
    name: 'silence after the effect',
    faults: [first(1, { do: 'hold', tookEffect: true }, isCall)],
    hears: ['Timeout'],
    mayLoseLease: true,
  },
  { name: 'HTML with 200', faults: [first(2, { do: 'answer', answer: html(200) })], hears: ['Torn'] },
  { name: 'HTML with 502', faults: [first(2, { do: 'answer', answer: html(502) })], hears: ['Status502'] },
  {
    name: 'every answer and event in pieces of three bytes, characters split',
    faults: [first(1_000, { do: 'drip', bytes: 3, everyMs: 0 })],
    hears: [],
  },
  { name: 'a slow drip', faults: [first(3, { do: 'drip', bytes: 50, everyMs: 100 })], hears: [] },
  {
    name: 'a drip slower than the deadline',
    faults: [first(1, { do: 'drip', bytes: 1, everyMs: 100 }, isWrite)],
    hears: ['Timeout'],
  },
  {
    name: 'answers and events cut in the middle, politely',
    faults: [first(2, { do: 'tear' })],
    hears: ['Torn', 'Conflict'],
  },
  {
    name: '410 when a watch is opened',
    faults: [first(2, says(410, 'Expired'), isFollow)],
    hears: [],
    readsAfresh: true,
  },
  {
    name: '410 in the stream',
    faults: [first(2, { do: 'tell', event: expired }, isFollow)],
    hears: [],
    readsAfresh: true,
  },
  {
    name: '410 between the pages of a list, where lists cannot be streamed',
    faults: [first(2, says(410, 'Expired'), isPage), first(1_000, says(422, 'Invalid'), isFill)],
    hears: [],
    options: { pageSize: 2 },
  },
]
