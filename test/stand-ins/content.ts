// Bytes that a stand-in serves, from memory or from a file on disk, with their digests computed once.
import { createHash, type Hash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { Readable } from 'node:stream'

/** Text, bytes, or a file on disk. */
export type ContentSource = string | Buffer | { readonly file: string }

export interface Content {
  readonly size: number
  readonly sha256: string
  /** What git names a blob of this content. */
  readonly gitOid: string
  /** Bytes [start, end). */
  readonly read: (start: number, end: number) => Readable
  readonly bytes: () => Buffer
}

const BLOCK = 1 << 20

function hashFile(file: string, hash: Hash): string {
  const fd = openSync(file, 'r')
  const block = Buffer.alloc(BLOCK)
  try {
    for (let n = readSync(fd, block); n > 0; n = readSync(fd, block)) hash.update(block.subarray(0, n))
  } finally {
    closeSync(fd)
  }
  return hash.digest('hex')
}

const gitHash = (size: number) => createHash('sha1').update(`blob ${size}\0`)

function fromFile(file: string): Content {
  const { size } = statSync(file)
  let sha256: string | undefined
  let gitOid: string | undefined
  return {
    size,
    get sha256() {
      sha256 ??= hashFile(file, createHash('sha256'))
      return sha256
    },
    get gitOid() {
      gitOid ??= hashFile(file, gitHash(size))
      return gitOid
    },
    read: (start, end) =>
      end > start ? createReadStream(file, { start, end: end - 1, highWaterMark: BLOCK }) : Readable.from([]),
    bytes: () => readFileSync(file),
  }
}

function fromBytes(bytes: Buffer): Content {
  return {
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    gitOid: gitHash(bytes.length).update(bytes).digest('hex'),
    read: (start, end) => Readable.from(end > start ? [bytes.subarray(start, end)] : []),
    bytes: () => bytes,
  }
}

export function toContent(source: ContentSource): Content {
  if (typeof source === 'string') return fromBytes(Buffer.from(source))
  return Buffer.isBuffer(source) ? fromBytes(source) : fromFile(source.file)
}
