// One download by the worker's own transfer, in a process of its own, over at most so many connections; prints what it cost.
import { Connections } from '../../src/worker/transfer/crew.ts'
import { fetchFile } from '../../src/worker/transfer/fetch-file.ts'
import { FrontHasher } from '../../src/worker/transfer/front-hasher.ts'
import { createGuardedFetch } from '../../src/worker/transfer/guard.ts'
import { RangeSockets } from '../../src/worker/transfer/range-sockets.ts'
import { defaultRetry } from '../../src/worker/transfer/wire.ts'

const [url = '', target = '', size = '', hex = '', connections = '32'] = process.argv.slice(2)
const [hasher, sockets] = [new FrontHasher(), new RangeSockets()]
let lastByteAt = 0
const onBytes = (bytes: number): void => {
  if (bytes === Number(size) && lastByteAt === 0) lastByteAt = performance.now()
}
const wire = { fetch: createGuardedFetch(false), signal: new AbortController().signal, retry: defaultRetry }
const order = {
  url,
  path: 'blob',
  size: Number(size),
  digest: { algorithm: 'sha256', hex },
  target,
  onBytes,
} as const
await fetchFile(wire, order, { connections: new Connections(Number(connections)), sockets, hasher })
const afterLastByte = performance.now() - lastByteAt
sockets.close()
await hasher.close()
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
const cpu = (userCPUTime + systemCPUTime) / 1e6
console.log(JSON.stringify({ cpu, peakMegabytes: maxRSS / 1024, afterLastByte }))
