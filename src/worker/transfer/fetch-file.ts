// One verified stream into one file: hashed while it arrives, cut at the first byte beyond, synced before it is believed.
import { type FileHandle, open, rm } from 'node:fs/promises'
import { WorkError } from '../outcome.ts'
import { type FileDigest, FileHasher } from './digest.ts'
import { openExchange, toNetworkError, Watchdog, type Wire, withRetries } from './wire.ts'

export interface FetchOrder {
  readonly url: string
  /** name of the file, for messages */
  readonly path: string
  readonly size: number
  readonly digest: FileDigest
  /** file to write; whatever stands there is thrown away */
  readonly target: string
  /** bytes of this file so far; starts again at 0 with every attempt */
  readonly onBytes: (received: number) => void
}

/** Resolves with the SHA-256 of a file that is complete, right and on the disk. */
export const fetchFile = (wire: Wire, order: FetchOrder): Promise<string> =>
  withRetries(wire, async () => {
    const dog = new Watchdog(wire)
    const file = await openFresh(order.target)
    try {
      order.onBytes(0)
      return await receive(wire, dog, { order, file })
    } catch (error) {
      await rm(order.target, { force: true })
      throw isDiskError(error) ? error : toNetworkError(error, wire, dog, new URL(order.url).host)
    } finally {
      dog.end()
      await file.close()
    }
  })

const isDiskError = (error: unknown): boolean =>
  error instanceof Error && 'syscall' in error && 'errno' in error

const openFresh = async (target: string): Promise<FileHandle> => {
  await rm(target, { force: true })
  const file = await open(target, 'wx', 0o644)
  await file.chmod(0o644)
  return file
}

interface Receiving {
  readonly order: FetchOrder
  readonly file: FileHandle
}

const receive = async (wire: Wire, dog: Watchdog, { order, file }: Receiving): Promise<string> => {
  const response = await openExchange(wire, dog, { url: order.url, what: order.path })
  checkLength(response, order)
  const hasher = new FileHasher(order.digest.algorithm, order.size)
  let received = 0
  for await (const chunk of response.body ?? []) {
    dog.touch()
    received += chunk.length
    if (received > order.size) throw tooLong(order)
    hasher.update(chunk)
    await writeAll(file, chunk)
    order.onBytes(received)
  }
  if (received < order.size) {
    throw new WorkError('TransferFailed', `${order.path} ended after ${received} of ${order.size} bytes`)
  }
  const { sha256, named } = hasher.end()
  if (named !== order.digest.hex) throw wrongDigest(order, named)
  await file.datasync()
  return sha256
}

const writeAll = async (file: FileHandle, chunk: Uint8Array): Promise<void> => {
  for (let done = 0; done < chunk.length; ) {
    done += (await file.write(chunk, done, chunk.length - done)).bytesWritten
  }
}

const checkLength = (response: Response, order: FetchOrder): void => {
  const declared = response.headers.get('content-length')
  if (declared === null || Number(declared) === order.size) return
  throw new WorkError(
    'Integrity',
    `${order.path}: the source lists ${order.size} bytes but sends ${declared.slice(0, 20)}`,
  )
}

const tooLong = (order: FetchOrder): WorkError =>
  new WorkError('Integrity', `${order.path}: the source sends more than the ${order.size} bytes it lists`)

const wrongDigest = (order: FetchOrder, got: string): WorkError =>
  new WorkError(
    'Integrity',
    `${order.path}: ${order.digest.algorithm} is ${got}, the source names ${order.digest.hex}`,
  )
