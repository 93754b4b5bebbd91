// How each fault is done to one answer: which bytes of it go on, and how it ends.
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import type { Treatment } from './faults.ts'

/** `hold`: nothing more comes, and the connection stays. */
export type Ending = 'end' | 'reset' | 'hold'

const NEWLINE = 0x0a

/** The bytes that the caller gets of the server's answer; returns how it ends. */
export async function* shape(
  treatment: Treatment | undefined,
  body: AsyncIterable<Uint8Array>,
  isWatch: boolean,
): AsyncGenerator<Uint8Array, Ending> {
  switch (treatment?.do) {
    case 'reset':
      if (treatment.when === 'inside') return yield* half(body, isWatch, 'reset')
      yield* body
      return treatment.when === 'after' ? 'reset' : 'end'
    case 'tear':
      return yield* half(body, isWatch, 'end')
    case 'tell':
      yield* untilSecondEvent(body)
      yield Buffer.from(`${JSON.stringify(treatment.event)}\n`)
      return 'end'
    case 'hold':
      return 'hold'
    case 'drip':
      return yield* drip(body, treatment)
    default:
      yield* body
      return 'end'
  }
}

async function* half(
  body: AsyncIterable<Uint8Array>,
  isWatch: boolean,
  ending: Ending,
): AsyncGenerator<Uint8Array, Ending> {
  const second = isWatch ? yield* untilSecondEvent(body) : await whole(body)
  yield second.subarray(0, Math.ceil(second.length / 2))
  return ending
}

/** Gives the first event of a watch on, and returns the second: it is the one that something happens to. */
async function* untilSecondEvent(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, Uint8Array> {
  let read = Buffer.alloc(0)
  for await (const chunk of body) {
    read = Buffer.concat([read, chunk])
    const first = read.indexOf(NEWLINE)
    const second = read.indexOf(NEWLINE, first + 1)
    if (first < 0 || second < 0) continue
    yield read.subarray(0, first + 1)
    return read.subarray(first + 1, second)
  }
  return read
}

async function whole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  return Buffer.concat(parts)
}

async function* drip(
  body: AsyncIterable<Uint8Array>,
  { bytes, everyMs }: Extract<Treatment, { do: 'drip' }>,
): AsyncGenerator<Uint8Array, Ending> {
  for await (const chunk of body)
    for (let from = 0; from < chunk.length; from += bytes) {
      yield chunk.subarray(from, from + bytes)
      await (everyMs > 0 ? sleep(everyMs) : setImmediate())
    }
  return 'end'
}
