// One blob by the production transfer, as a process that can be killed: URL, target, size, SHA-256. Prints a dot when bytes flow.
import { Connections } from '../../../src/worker/transfer/crew.ts'
import { fetchFile } from '../../../src/worker/transfer/fetch-file.ts'
import { FrontHasher } from '../../../src/worker/transfer/front-hasher.ts'
import { RangeSockets } from '../../../src/worker/transfer/range-sockets.ts'
import { defaultRetry } from '../../../src/worker/transfer/wire.ts'

const [url = '', target = '', size = '', hex = ''] = process.argv.slice(2)
const [hasher, sockets] = [new FrontHasher(), new RangeSockets()]
const wire = {
  fetch,
  signal: new AbortController().signal,
  retry: defaultRetry,
  partSize: () => 512 << 10,
}
let [before, isFlowing] = [-1, false]
/** Tells once that more is there than a former life had left. */
const onBytes = (bytes: number): void => {
  if (before < 0) before = bytes
  if (bytes > before && !isFlowing) process.stdout.write('.')
  isFlowing ||= bytes > before
}
const digest = { algorithm: 'sha256', hex } as const
await fetchFile(
  wire,
  { url, path: 'blob', size: Number(size), digest, target, onBytes },
  { connections: new Connections(32), sockets, hasher },
)
sockets.close()
await hasher.close()
