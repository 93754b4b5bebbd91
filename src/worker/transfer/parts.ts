// A blob as parts: fixed ranges that are fetched, recorded and checked one by one.
const mebibyte = 1 << 20
const partBytes = 8 * mebibyte
const largePartBytes = 32 * mebibyte
const isLargeFrom = 20e9

export interface Part {
  readonly index: number
  /** offset of its first byte in the blob */
  readonly start: number
  readonly size: number
}

/** Bytes of every part but the last. */
export const partSizeFor = (size: number): number => (size > isLargeFrom ? largePartBytes : partBytes)

export const countParts = (size: number, partSize: number): number => Math.ceil(size / partSize)

export const partAt = (index: number, size: number, partSize: number): Part => {
  const start = index * partSize
  return { index, start, size: Math.min(partSize, size - start) }
}
