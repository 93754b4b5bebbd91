// Reads the texts and numbers of a GGUF header: enough to know what a constructed model answers.
import { closeSync, openSync, readSync } from 'node:fs'

const MOST = 16 * 1024 * 1024
const WIDTHS: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 }

export type GgufValues = ReadonlyMap<string, string | number>

function readStart(file: string): Buffer {
  const fd = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(MOST)
    return bytes.subarray(0, readSync(fd, bytes))
  } finally {
    closeSync(fd)
  }
}

/** Throws when the file is no GGUF. Arrays are passed over. */
export function readGgufValues(file: string): GgufValues {
  const bytes = readStart(file)
  if (bytes.subarray(0, 4).toString() !== 'GGUF') throw new Error('invalid file magic')
  let at = 24
  const u64 = () => {
    at += 8
    return Number(bytes.readBigUInt64LE(at - 8))
  }
  const u32 = () => {
    at += 4
    return bytes.readUInt32LE(at - 4)
  }
  const text = () => {
    const length = u64()
    at += length
    return bytes.toString('utf8', at - length, at)
  }
  const value = (type: number): string | number => {
    if (type === 8) return text()
    if (type === 9) {
      const inner = u32()
      for (let left = u64(); left > 0; left--) value(inner)
      return ''
    }
    at += WIDTHS[type] ?? 0
    return type === 4 ? bytes.readUInt32LE(at - 4) : 0
  }
  const values = new Map<string, string | number>()
  for (let left = Number(bytes.readBigUInt64LE(16)); left > 0; left--) {
    const key = text()
    values.set(key, value(u32()))
  }
  return values
}
