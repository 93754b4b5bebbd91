// What is known about the parts of an unfinished blob, beside it on the disk: fixed-size records, each written after its bytes.
// It is a hint: a record whose checksum does not fit is dropped, and the final digest decides.
import { createHash } from 'node:crypto'
import { constants, readFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

export interface PartRecord {
  /** contiguous bytes from the start of the part that were handed to the kernel */
  readonly bytes: number
  /** CRC-32 of samples of those bytes */
  readonly crc: number
  /** the disk has said that it has them: they survive a power cut */
  readonly isSynced: boolean
}

/** What a journal is about; another answer makes it worthless. */
export interface JournalSubject {
  readonly size: number
  readonly partSize: number
  readonly parts: number
  /** digest that the source names, with its algorithm */
  readonly digest: string
}

const headerBytes = 80
const recordBytes = 12
const magic = 0x4a_59_57_53
const version = 2
const empty: PartRecord = { bytes: 0, crc: 0, isSynced: false }

/** Changes with every start of the machine: page cache that was not synced is gone then. */
const bootId = (): Buffer => {
  try {
    const text = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')
    return Buffer.from(text.replace(/[^0-9a-f]/g, '').slice(0, 32), 'hex')
  } catch {
    return Buffer.alloc(16)
  }
}

const toHeader = ({ size, partSize, digest }: JournalSubject): Buffer => {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt32LE(magic, 0)
  header.writeUInt32LE(version, 4)
  header.writeBigUInt64LE(BigInt(size), 8)
  header.writeUInt32LE(partSize, 16)
  createHash('sha256').update(digest).digest().copy(header, 20)
  bootId().copy(header, 52)
  return header
}

/** The same blob cut in the same way; undefined for anything else, also half a file. */
const readRecords = (bytes: Buffer, subject: JournalSubject): Buffer | undefined => {
  const header = toHeader(subject)
  const isSame = bytes.subarray(0, 52).equals(header.subarray(0, 52))
  if (!isSame || bytes.length !== headerBytes + recordBytes * subject.parts) return undefined
  const isSameBoot = bytes.subarray(52, 68).equals(header.subarray(52, 68))
  const records = Buffer.from(bytes.subarray(headerBytes))
  for (let at = 0; at < records.length; at += recordBytes) {
    if (!isSameBoot && records.readUInt32LE(at + 8) === 0) records.fill(0, at, at + recordBytes)
  }
  return records
}

export class Journal {
  readonly #file: FileHandle
  readonly #records: Buffer
  /** records that changed since they were written last, from one index up to another */
  #changed: { readonly from: number; readonly to: number } | undefined
  #writing: Promise<void> = Promise.resolve()
  #isWriting = false

  private constructor(file: FileHandle, records: Buffer) {
    this.#file = file
    this.#records = records
  }

  /** Opens the journal of this subject, or begins one; a journal of anything else is written over. */
  static async open(path: string, subject: JournalSubject): Promise<Journal> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644)
    try {
      return new Journal(file, await Journal.#begin(file, subject))
    } catch (error) {
      await file.close()
      throw error
    }
  }

  static async #begin(file: FileHandle, subject: JournalSubject): Promise<Buffer> {
    const before = readRecords(await file.readFile(), subject)
    const records = before ?? Buffer.alloc(recordBytes * subject.parts)
    const whole = Buffer.concat([toHeader(subject), records])
    await file.write(whole, 0, whole.length, 0)
    await file.truncate(whole.length)
    return records
  }

  record(index: number): PartRecord {
    const at = index * recordBytes
    const [bytes, crc] = [this.#records.readUInt32LE(at), this.#records.readUInt32LE(at + 4)]
    return { bytes, crc, isSynced: this.#records.readUInt32LE(at + 8) === 1 }
  }

  /** MUST be called after the bytes were written, and with `isSynced` only after they were synced. `flush` tells of errors. */
  note(index: number, { bytes, crc, isSynced }: PartRecord): void {
    const at = index * recordBytes
    this.#records.writeUInt32LE(bytes, at)
    this.#records.writeUInt32LE(crc, at + 4)
    this.#records.writeUInt32LE(isSynced ? 1 : 0, at + 8)
    const { from = index, to = index + 1 } = this.#changed ?? {}
    this.#changed = { from: Math.min(from, index), to: Math.max(to, index + 1) }
    if (!this.#isWriting) this.#write()
  }

  drop(index: number): void {
    this.note(index, empty)
  }

  /** Resolves when everything noted so far is written. Throws when a write failed, now or before. */
  flush(): Promise<void> {
    return this.#writing
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => {})
    await this.#file.close()
  }

  #write(): void {
    this.#isWriting = true
    this.#writing = this.#writing.then(() => this.#writeChanged())
    this.#writing.catch(() => {})
  }

  /** One write at a time, of a copy: no record is seen half changed, and what was noted meanwhile goes out together. */
  async #writeChanged(): Promise<void> {
    for (let range = this.#changed; range; range = this.#changed) {
      this.#changed = undefined
      const [from, to] = [range.from * recordBytes, range.to * recordBytes]
      const copy = Buffer.from(this.#records.subarray(from, to))
      await this.#file.write(copy, 0, copy.length, headerBytes + from)
    }
    this.#isWriting = false
  }
}
