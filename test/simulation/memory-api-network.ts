// The way between a process and the memory API server in virtual time: late, refused, cut, torn, silent, twice, or in pieces.
import type { Call } from '../../src/platform/kubernetes/kernel/call.ts'
import type { Carrier } from '../../src/platform/kubernetes/kernel/client.ts'
import { pause } from '../../src/platform/kubernetes/kernel/election-clock.ts'
import { ApiError, type StatusDetails } from '../../src/platform/kubernetes/kernel/errors.ts'
import { NoAnswer } from '../../src/platform/kubernetes/kernel/no-answer.ts'
import type { ReflectorClock } from '../../src/platform/kubernetes/kernel/reflector-clock.ts'
import type { MemoryApiServer, Refusal, ServedTable } from './memory-api-server.ts'
import { type StreamFate, WatchStream } from './memory-api-stream.ts'

export interface ApiWeather {
  readonly random: () => number
  readonly isBad: () => boolean
  /** an older API server does not stream its lists */
  readonly canStreamLists: boolean
  /** Fault of the simulation's own, which no cache can notice: an event is left out, and the version moves on. */
  readonly losesEvents?: boolean
}

interface Parts {
  readonly server: MemoryApiServer
  /** stands still once the process is dead */
  readonly clock: ReflectorClock
  readonly weather: ApiWeather
}

/** Upper bounds of one roll for what becomes of a call. */
const odds: readonly (readonly [number, 'Reset' | 'Lost' | 'Refused' | 'TooNew' | 'Gone'])[] = [
  [0.06, 'Reset'],
  [0.09, 'Lost'],
  [0.17, 'Refused'],
  [0.2, 'TooNew'],
  [0.24, 'Gone'],
]
const refusals: readonly Refusal[] = [
  { status: 429, reason: 'TooManyRequests' },
  { status: 500, reason: 'InternalError' },
  { status: 503, reason: 'ServiceUnavailable' },
  { status: 504, reason: 'Timeout' },
]

const streamFates: readonly StreamFate['how'][] = ['Reset', 'Torn', 'Gone', 'Silent', 'OnlyBookmarks']

export const connectToMemory = (parts: Parts): Carrier => ({
  send: call => readPage(parts, call),
  open: call => openWatch(parts, call),
})

const readPage = async (parts: Parts, call: Call): Promise<unknown> => {
  const table = await reach(parts, call)
  const { limit, continue: token } = call.query ?? {}
  const page = table.list(Number(limit), token === undefined ? undefined : String(token))
  if ('status' in page) throw refused(call, page)
  const text = JSON.stringify(page)
  await travel(parts, call)
  return JSON.parse(text)
}

const openWatch = async (parts: Parts, call: Call): Promise<AsyncIterable<Uint8Array>> => {
  const table = await reach(parts, call)
  const { sendInitialEvents, resourceVersion } = call.query ?? {}
  if (sendInitialEvents && !parts.weather.canStreamLists)
    throw refused(call, { status: 422, reason: 'Invalid' })
  const past = sendInitialEvents ? table.initial() : table.since(Number(resourceVersion))
  if (!Array.isArray(past)) throw refused(call, past as Refusal)
  return new WatchStream({ ...parts, table, call, fate: streamFateOf(parts.weather) }, past).read()
}

/** The way to the server, and what may go wrong before it looks at the call. */
const reach = async (parts: Parts, call: Call): Promise<ServedTable> => {
  await travel(parts, call)
  const { weather, clock, server } = parts
  const roll = weather.isBad() ? weather.random() : 1
  const [, fault] = odds.find(([limit]) => roll < limit) ?? []
  if (fault === 'Lost') await pause(clock, call.deadlineMs, call.signal)
  call.signal?.throwIfAborted()
  if (fault === 'Lost') throw new NoAnswer(call.path, 'Timeout')
  if (fault === 'Reset') throw new NoAnswer(call.path, 'Network')
  if (fault === 'Gone') throw refused(call, { status: 410, reason: 'Expired' })
  if (fault === 'TooNew') throw refused(call, { status: 504, reason: 'Timeout' }, tooLarge)
  if (fault === 'Refused')
    throw refused(call, refusals[Math.floor(weather.random() * refusals.length)] as Refusal)
  const table = server.find(call.path)
  if (!table) throw refused(call, { status: 404, reason: 'NotFound' })
  return table
}

const tooLarge: StatusDetails = { causes: [{ reason: 'ResourceVersionTooLarge' }] }

const travel = async ({ clock, weather }: Parts, call: Call): Promise<void> => {
  await pause(clock, weather.random() * (weather.isBad() ? 300 : 5), call.signal)
  call.signal?.throwIfAborted()
}

const streamFateOf = ({ isBad, random }: ApiWeather): StreamFate | undefined => {
  if (!isBad() || random() < 0.4) return undefined
  const how = streamFates[Math.floor(random() * streamFates.length)] as StreamFate['how']
  return { how, afterMs: random() * 20_000 }
}

const refused = (call: Call, { status, reason }: Refusal, details: StatusDetails = {}): ApiError => {
  const body = JSON.stringify({ kind: 'Status', code: status, reason, details })
  return new ApiError({ verb: call.method, target: call.path, status, body })
}
