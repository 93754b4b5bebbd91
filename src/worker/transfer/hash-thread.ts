// The thread that hashes blobs while they arrive: it reads behind the contiguous front, so that receiving is not slowed.
// An entry of its own: it is bundled to a file beside the program.
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { FileHasher } from './digest.ts'
import type { HashAnswer, HashOrder } from './front-hasher.ts'

interface Follow {
  readonly fd: number
  readonly hasher: FileHasher
  readonly size: number
  at: number
  front: number
}

/** Stays in the processor's cache between reading and hashing. */
const block = Buffer.allocUnsafeSlow(256 << 10)
/** Blocks of one blob before the next one has its turn, and orders are looked at. */
const blocksAtOnce = 16
const follows = new Map<number, Follow>()
let isBusy = false

const answer = (message: HashAnswer): void => parentPort?.postMessage(message)

const open = ({ id, path, algorithm, size }: Extract<HashOrder, { do: 'follow' }>): void => {
  follows.set(id, { fd: openSync(path, 'r'), hasher: new FileHasher(algorithm, size), size, at: 0, front: 0 })
}

const close = (id: number): void => {
  const follow = follows.get(id)
  if (follow) closeSync(follow.fd)
  follows.delete(id)
}

const hashBlock = (follow: Follow): void => {
  const length = Math.min(block.length, follow.front - follow.at)
  const got = readSync(follow.fd, block, 0, length, follow.at)
  if (got === 0) throw new Error(`the file ends at ${follow.at} of ${follow.size} bytes`)
  follow.hasher.update(block.subarray(0, got))
  follow.at += got
}

/** Some blocks of one blob; answers whether more can be read now. */
const step = (id: number, follow: Follow): boolean => {
  for (let n = 0; n < blocksAtOnce && follow.at < follow.front; n++) hashBlock(follow)
  if (follow.at < follow.size) return follow.at < follow.front
  answer({ id, ...follow.hasher.end() })
  close(id)
  return false
}

const tryStep = (id: number, follow: Follow): boolean => {
  try {
    return step(id, follow)
  } catch (error) {
    answer({ id, error: (error as Error).message })
    close(id)
    return false
  }
}

/** Takes turns between blobs, and lets new orders in between. */
const work = (): void => {
  let hasMore = false
  for (const [id, follow] of follows) hasMore = tryStep(id, follow) || hasMore
  isBusy = hasMore
  if (hasMore) setImmediate(work)
}

const take = (order: HashOrder): void => {
  if (order.do === 'follow') open(order)
  if (order.do === 'drop') close(order.id)
  const follow = follows.get(order.id)
  if (order.do === 'advance' && follow) follow.front = order.front
  if (isBusy) return
  isBusy = true
  setImmediate(work)
}

parentPort?.on('message', (order: HashOrder) => {
  try {
    take(order)
  } catch (error) {
    answer({ id: order.id, error: (error as Error).message })
  }
})
