// Digests as sources name them, and hashing of a file that is on disk.
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'

export interface FileDigest {
  readonly algorithm: 'sha256' | 'gitSha1'
  readonly hex: string
}

/** Hashes one file for both questions: the digest that its source names, and SHA-256 for the receipt. */
export class FileHasher {
  readonly #sha256: Hash = createHash('sha256')
  readonly #git: Hash | undefined

  constructor(algorithm: FileDigest['algorithm'], size: number) {
    if (algorithm === 'gitSha1') this.#git = createHash('sha1').update(`blob ${size}\0`)
  }

  update(chunk: Uint8Array): void {
    this.#sha256.update(chunk)
    this.#git?.update(chunk)
  }

  end(): { readonly sha256: string; readonly named: string } {
    const sha256 = this.#sha256.digest('hex')
    return { sha256, named: this.#git?.digest('hex') ?? sha256 }
  }
}

export const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export const digestOf = (algorithm: FileDigest['algorithm'], bytes: Uint8Array): string => {
  const hasher = new FileHasher(algorithm, bytes.length)
  hasher.update(bytes)
  return hasher.end().named
}

const readBlock = 1 << 20

export interface HashOrder {
  readonly algorithm: FileDigest['algorithm']
  readonly size: number
  readonly signal: AbortSignal
  readonly onBytes?: (count: number) => void
}

export const hashFile = async (
  path: string,
  order: HashOrder,
): Promise<{ sha256: string; named: string }> => {
  const hasher = new FileHasher(order.algorithm, order.size)
  // A stream takes a buffer of this size for each read, and so much garbage of a small file is collected late.
  const highWaterMark = Math.max(1, Math.min(readBlock, order.size + 1))
  for await (const chunk of createReadStream(path, { highWaterMark })) {
    order.signal.throwIfAborted()
    hasher.update(chunk as Buffer)
    order.onBytes?.((chunk as Buffer).length)
  }
  return hasher.end()
}
