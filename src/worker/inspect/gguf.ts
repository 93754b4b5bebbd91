// Reads the longest context from the first bytes of a GGUF file. Untrusted: every read is bounded by the bytes at hand.

const scalarBytes: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
}
const stringType = 8
const arrayType = 9
const mostKeys = 10_000

export const isValueType = (type: number): boolean =>
  type === stringType || type === arrayType || type in scalarBytes

/** Walks forward; reading past the end throws RangeError. */
export class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  take(count: number): Buffer {
    const end = this.#at + count
    if (!(count >= 0) || end > this.#bytes.length) throw new RangeError('past the bytes at hand')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  /** bytes that were walked over */
  get at(): number {
    return this.#at
  }

  u32(): number {
    return this.take(4).readUInt32LE()
  }

  u64(): number {
    return Number(this.take(8).readBigUInt64LE())
  }

  text(): string {
    return this.take(this.u64()).toString('utf8')
  }
}

/** Steps over a value of the header. Throws RangeError at the end of the bytes at hand, and for a type that does not exist. */
export const skipValue = (cursor: Cursor, type: number): void => {
  if (type === stringType) cursor.take(cursor.u64())
  else if (type === arrayType) skipArray(cursor)
  else cursor.take(scalarBytes[type] ?? Number.NaN)
}

const skipArray = (cursor: Cursor): void => {
  const type = cursor.u32()
  const count = cursor.u64()
  const width = scalarBytes[type]
  if (width) cursor.take(count * width)
  else for (let i = 0; i < count; i++) skipValue(cursor, type)
}

const search = (cursor: Cursor): number | undefined => {
  if (cursor.take(4).toString('latin1') !== 'GGUF' || ![2, 3].includes(cursor.u32())) return undefined
  cursor.u64()
  const keys = Math.min(cursor.u64(), mostKeys)
  for (let i = 0; i < keys; i++) {
    const key = cursor.text()
    const type = cursor.u32()
    if (!/^[a-z0-9_-]+\.context_length$/.test(key)) skipValue(cursor, type)
    else if (type === 4) return cursor.u32()
    else return type === 10 ? cursor.u64() : undefined
  }
  return undefined
}

/** Undefined when it does not stand in these bytes. */
export const findContextLength = (head: Buffer): number | undefined => {
  try {
    return search(new Cursor(head))
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
