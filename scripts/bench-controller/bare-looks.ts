// The least that proofs cost: a program that sends the requests of them to the same engines as often, and does nothing else. It
// decides nothing, reads nothing and writes nothing; its connections are those of the operator.
import { setTimeout as sleep } from 'node:timers/promises'
import { createEngineFetch } from '../../src/engines/engine-fetch.ts'
import { Limit } from '../../src/engines/limit.ts'

export interface LooksWish {
  readonly addresses: readonly string[]
  readonly intervalSeconds: number
  /** nothing is counted before: code is compiled first */
  readonly warmSeconds: number
  readonly seconds: number
}

export interface Looked {
  readonly cpuSeconds: number
  readonly requests: number
}

const send = createEngineFetch()
const headers = { accept: 'application/json, text/plain', 'content-type': 'application/json' }
let requests = 0

async function ask(url: string, body?: string): Promise<void> {
  requests++
  const limit = new Limit(2_000)
  await send(url, {
    ...{ limit, signal: limit.signal, redirect: 'manual', headers },
    ...(body === undefined ? {} : { method: 'POST' as const, body }),
  })
  limit.clear()
}

/** As the product asks and proves an idle vLLM. */
async function look(address: string): Promise<void> {
  await Promise.all(['/v1/models', '/health', '/metrics'].map(path => ask(`${address}${path}`)))
  await ask(`${address}/v1/chat/completions`, JSON.stringify({ model: 'served', max_tokens: 1 }))
}

/** The leeway of a proof with the default interval. */
const togetherMs = 6_000

async function measure(wish: LooksWish): Promise<Looked> {
  const perTick = (wish.addresses.length * togetherMs) / (wish.intervalSeconds * 1000)
  let next = 0
  let ticks = 0
  const turning = setInterval(() => {
    for (ticks++; next < Math.floor(ticks * perTick); next++) {
      const address = wish.addresses[next % wish.addresses.length]
      if (address) void look(address)
    }
  }, togetherMs)
  await sleep(wish.warmSeconds * 1000)
  const before = { ...process.cpuUsage(), requests }
  await sleep(wish.seconds * 1000)
  const { user, system } = process.cpuUsage(before)
  clearInterval(turning)
  return { cpuSeconds: (user + system) / 1e6, requests: requests - before.requests }
}

process.on('SIGTERM', () => process.exit(0))

process.on('message', async (wish: LooksWish) => {
  process.send?.(await measure(wish))
})
