// A write is asked for its right at the moment its bytes would go out, however long it waited before.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Client, Fence } from '../../../../src/platform/kubernetes/kernel/client.ts'
import { MutationRefused } from '../../../../src/platform/kubernetes/kernel/errors.ts'
import { LeaseFence } from '../../../../src/platform/kubernetes/kernel/lease-fence.ts'
import { CONFIG_MAP } from '../../../../src/platform/kubernetes/kernel/resources.ts'
import type { TransportSettings } from '../../../../src/platform/kubernetes/kernel/transport.ts'
import type { Answer } from '../../../stand-ins/listening.ts'
import { sendJson } from '../../../stand-ins/listening.ts'
import { openWire, refuse, type Wire } from './wire.ts'

let wire: Wire | undefined
afterEach(() => wire?.close())

const at = { namespace: 'n', name: 'a' }
const patch = (client: Client) => client.mergePatch(CONFIG_MAP, { ...at, patch: { data: {} } })
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

const open = async (answer: Answer, fence: Fence, settings: TransportSettings = {}) => {
  wire = await openWire(answer, { settings })
  return { open: wire.client, fenced: wire.client.fencedBy(fence) }
}

describe('A write that was allowed when it was wanted', () => {
  it('is not sent when its right ended while it waited for a connection', async () => {
    let isAllowed = true
    const seen: string[] = []
    let answerFirst = () => {}
    const clients = await open(
      (request, response) => {
        seen.push(request.method ?? '')
        answerFirst = () => sendJson(response, {})
      },
      { mutationsAllowed: () => isAllowed },
      { connections: 1 },
    )
    const first = clients.open.get(CONFIG_MAP, at)
    await vi.waitFor(() => expect(seen).toEqual(['GET']))
    const second = failure(patch(clients.fenced))
    await sleep(20)
    isAllowed = false
    answerFirst()
    await first
    expect(await second).toBeInstanceOf(MutationRefused)
    expect(seen).toEqual(['GET'])
  })

  it('is not sent again when its right ended before the next try', async () => {
    let isAllowed = true
    let requests = 0
    const { fenced } = await open(
      (_, response) => {
        requests++
        isAllowed = false
        refuse(response, 503)
      },
      { mutationsAllowed: () => isAllowed },
    )
    expect(await failure(patch(fenced))).toBeInstanceOf(MutationRefused)
    expect(requests).toBe(1)
  })

  it('leaves the connection to others when it is refused', async () => {
    let asked = 0
    const { open: client, fenced } = await open(
      (_, response) => sendJson(response, {}),
      { mutationsAllowed: () => ++asked === 1 },
      { connections: 1 },
    )
    expect(await failure(patch(fenced))).toBeInstanceOf(MutationRefused)
    expect(await client.get(CONFIG_MAP, at)).toEqual({})
  })
})

describe('The fence hears of each try', () => {
  const listen = (): Fence & { readonly heard: string[] } => {
    const heard: string[] = []
    return {
      heard,
      mutationsAllowed: () => true,
      began: () => {
        heard.push('began')
        return isAnswered => heard.push(isAnswered ? 'answered' : 'unknown')
      },
    }
  }

  it('one without an answer may have had its effect', async () => {
    const fence = listen()
    let requests = 0
    const { fenced } = await open((request, response) => {
      if (++requests === 1) request.socket.destroy()
      else sendJson(response, {})
    }, fence)
    await patch(fenced)
    expect(fence.heard).toEqual(['began', 'unknown', 'began', 'answered'])
  })

  it('a refusal is an answer, a failure of the server is none', async () => {
    const fence = listen()
    let requests = 0
    const { fenced } = await open((_, response) => refuse(response, ++requests === 1 ? 500 : 409), fence)
    await failure(patch(fenced))
    expect(fence.heard).toEqual(['began', 'unknown', 'began', 'answered'])
  })
})

describe('The fence of a Lease', () => {
  const times = { writeDeadlineMs: 7_000, doubtMs: 15_000 }
  const stand = () => {
    let now = 100
    const clock = { now: () => now, date: () => new Date(0), after: () => () => {} }
    const lost = new AbortController()
    const fence = new LeaseFence(clock, times, lost.signal)
    const pass = (ms: number): void => {
      now += ms
    }
    return { fence, lost, pass }
  }

  it('is closed before the first renewal, and again when the last is too old', () => {
    const { fence, pass } = stand()
    expect(fence.mutationsAllowed()).toBe(false)
    fence.open(100)
    expect(fence.mutationsAllowed()).toBe(true)
    pass(7_000)
    expect(fence.mutationsAllowed()).toBe(false)
    fence.open(7_000)
    expect(fence.mutationsAllowed()).toBe(true)
  })

  it('stays closed until the time it was told, after a loss, and once shut', () => {
    const { fence, lost, pass } = stand()
    fence.waitUntil(1_000)
    fence.open(100)
    expect(fence.mutationsAllowed()).toBe(false)
    pass(900)
    expect(fence.mutationsAllowed()).toBe(true)
    lost.abort()
    expect(fence.mutationsAllowed()).toBe(false)
    const other = stand().fence
    other.shut()
    other.open(100)
    expect(other.mutationsAllowed()).toBe(false)
  })

  it('is settled when every write was answered, or long enough ago', async () => {
    const { fence, pass } = stand()
    expect(fence.isSettled).toBe(true)
    const [one, two] = [fence.began(), fence.began()]
    one(true)
    expect(fence.isSettled).toBe(false)
    const idle = fence.idle()
    two(false)
    await idle
    expect(fence.isSettled).toBe(false)
    pass(15_000)
    expect(fence.isSettled).toBe(true)
  })
})
