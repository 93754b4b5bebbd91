// The unfinished bytes of one blob: written in place part by part, with the journal that a killed work goes on from.
// Two writers of one blob write the same bytes to the same places: nothing here rests on a lock.
import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { sizeOf } from '../layout/disk.ts'
import type { FileDigest } from './digest.ts'
import { Journal } from './journal.ts'
import { countParts, type Part, partAt } from './parts.ts'
import { Syncs } from './syncs.ts'

export interface PartialOrder {
  readonly target: string
  readonly size: number
  readonly partSize: number
  readonly digest: FileDigest
}

const readBlock = 1 << 20
/** Of each stripe of a part its first page is summed: what a disk loses is longer in most cases, and the digest finds the rest. */
const [stripe, page] = [32 << 10, 4 << 10]

/** Goes on with the sum of a part whose bytes up to `at` are in it. */
const addToSum = (sum: number, bytes: Uint8Array, at: number): number => {
  let crc = sum
  for (let start = at - (at % stripe); start < at + bytes.length; start += stripe) {
    const piece = bytes.subarray(Math.max(0, start - at), Math.max(0, start + page - at))
    if (piece.length > 0) crc = crc32(piece, crc)
  }
  return crc
}
const journalOf = (target: string): string => `${target}.journal`

/** Bytes that a former attempt left and a new one may go on with; a journal that outlived its bytes is swept. */
export const countResumable = async (order: PartialOrder): Promise<number> => {
  const { target } = order
  if ((await sizeOf(journalOf(target))) === undefined) return 0
  if ((await sizeOf(target)) === undefined) {
    await rm(journalOf(target), { force: true })
    return 0
  }
  const partial = await Partial.open(order)
  const bytes = partial.bytes
  await partial.close()
  return bytes
}

export class Partial {
  readonly order: PartialOrder
  readonly parts: number
  readonly #file: FileHandle
  readonly #journal: Journal
  readonly #syncs: Syncs
  #firstOpen = 0
  #bytes = 0

  private constructor(order: PartialOrder, file: FileHandle, journal: Journal) {
    this.order = order
    this.parts = countParts(order.size, order.partSize)
    this.#file = file
    this.#journal = journal
    this.#syncs = new Syncs(
      () => file.datasync(),
      index => this.#noteSynced(index),
    )
    for (let index = 0; index < this.parts; index++) this.#bytes += this.received(index)
  }

  /** The file is never cut or replaced: another writer may be in it. */
  static async open(order: PartialOrder): Promise<Partial> {
    const { target, size, partSize, digest } = order
    const file = await open(target, constants.O_RDWR | constants.O_CREAT, 0o644)
    try {
      await file.chmod(0o644)
      if ((await file.stat()).size !== size) await file.truncate(size)
      const parts = countParts(size, partSize)
      const subject = { size, partSize, parts, digest: `${digest.algorithm}:${digest.hex}` }
      return new Partial(order, file, await Journal.open(journalOf(target), subject))
    } catch (error) {
      await file.close()
      throw error
    }
  }

  part(index: number): Part {
    return partAt(index, this.order.size, this.order.partSize)
  }

  /** Bytes of the part that are there, from its start. */
  received(index: number): number {
    return this.#journal.record(index).bytes
  }

  isWhole(index: number): boolean {
    return this.received(index) === this.part(index).size
  }

  /** All bytes that are there, in whatever part. */
  get bytes(): number {
    return this.#bytes
  }

  /** The first part that is not whole; `parts` when all are. */
  get firstOpen(): number {
    while (this.#firstOpen < this.parts && this.isWhole(this.#firstOpen)) this.#firstOpen++
    return this.#firstOpen
  }

  /** Bytes from the start of the blob without a gap. */
  get front(): number {
    const first = this.firstOpen
    return first === this.parts ? this.order.size : this.part(first).start + this.received(first)
  }

  /** CRC-32 of all bytes of every part, read from the disk: tells which parts differ between two attempts. */
  async checksums(): Promise<readonly number[]> {
    const all: number[] = []
    for (let index = 0; index < this.parts; index++)
      all.push(await this.#sumRead(index, this.received(index), (crc, bytes) => crc32(bytes, crc)))
    return all
  }

  /** Reads again what the journal claims; a part that is not as claimed begins anew. */
  async checkClaims(): Promise<void> {
    if (this.#bytes === 0) return
    for (let index = 0; index < this.parts; index++) {
      const { bytes, crc } = this.#journal.record(index)
      if (bytes > 0 && (await this.#sumRead(index, bytes, addToSum)) !== crc) this.#drop(index)
    }
    await this.#journal.flush()
  }

  async #sumRead(index: number, bytes: number, add: typeof addToSum): Promise<number> {
    const { start } = this.part(index)
    const block = Buffer.allocUnsafe(Math.min(readBlock, bytes))
    let sum = 0
    for (let at = 0; at < bytes; ) {
      const { bytesRead } = await this.#file.read(block, 0, Math.min(block.length, bytes - at), start + at)
      if (bytesRead === 0) return -1
      sum = add(sum, block.subarray(0, bytesRead), at)
      at += bytesRead
    }
    return sum
  }

  /** Appends to the part; the journal follows after the bytes, and is not waited for. */
  async append(index: number, chunks: readonly Uint8Array[]): Promise<void> {
    const { bytes, crc } = this.#journal.record(index)
    let [at, sum] = [bytes, crc]
    // Summed before they are written: they are in the processor's cache now.
    for (const chunk of chunks) {
      sum = addToSum(sum, chunk, at)
      at += chunk.length
    }
    await this.#writeAt(chunks, this.part(index).start + bytes)
    this.#journal.note(index, { bytes: at, crc: sum, isSynced: false })
    this.#bytes += at - bytes
  }

  async #writeAt(chunks: readonly Uint8Array[], position: number): Promise<void> {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    let { bytesWritten: done } = await this.#file.writev([...chunks], position)
    if (done === length) return
    const rest = Buffer.concat(chunks)
    while (done < length)
      done += (await this.#file.write(rest, done, length - done, position + done)).bytesWritten
  }

  /** Sends the whole part to the disk, without waiting unless the disk lags far behind. */
  async sync(index: number): Promise<void> {
    await this.#syncs.add(index)
    await this.#journal.flush()
  }

  /** From here on every part that was sent to the disk survives a power cut. */
  async settle(): Promise<void> {
    await this.#syncs.settle()
    await this.#journal.flush()
  }

  #noteSynced(index: number): void {
    this.#journal.note(index, { ...this.#journal.record(index), isSynced: true })
  }

  #drop(index: number): void {
    this.#bytes -= this.received(index)
    this.#firstOpen = 0
    this.#journal.drop(index)
  }

  /** Nothing of it is believed any more. */
  async reset(): Promise<void> {
    await this.settle()
    for (let index = 0; index < this.parts; index++) this.#drop(index)
    await this.#journal.flush()
  }

  async close(): Promise<void> {
    await this.settle().catch(() => {})
    await this.#file.close()
    await this.#journal.close()
  }

  /** The blob is verified and all on the disk: `keep` gives it its name, and only then is the journal needed no more. */
  async finish(keep: () => Promise<void>): Promise<void> {
    await this.settle()
    await this.#file.datasync()
    await keep()
    await rm(journalOf(this.order.target), { force: true })
  }

  /** Takes the bytes away too: they are wrong for good. */
  async discard(): Promise<void> {
    await rm(journalOf(this.order.target), { force: true })
    await rm(this.order.target, { force: true })
  }
}
