// Whether the header of a GGUF file says what its bytes can be: counts in bounds, every string and every tensor inside the file.
import { Cursor, isValueType, skipValue } from './gguf.ts'

const mostKeys = 100_000
const mostTensors = 10_000_000
const mostDimensions = 8
const defaultAlignment = 32
const u32Type = 4

/** Elements and bytes of one block of each tensor type that ggml knows. */
const blocks: Readonly<Record<number, readonly [elements: number, bytes: number]>> = {
  0: [1, 4],
  1: [1, 2],
  2: [32, 18],
  3: [32, 20],
  6: [32, 22],
  7: [32, 24],
  8: [32, 34],
  9: [32, 36],
  10: [256, 84],
  11: [256, 110],
  12: [256, 144],
  13: [256, 176],
  14: [256, 210],
  15: [256, 292],
  16: [256, 66],
  17: [256, 74],
  18: [256, 98],
  19: [256, 50],
  20: [32, 18],
  21: [256, 110],
  22: [256, 82],
  23: [256, 136],
  24: [1, 1],
  25: [1, 2],
  26: [1, 4],
  27: [1, 8],
  28: [1, 8],
  29: [256, 56],
  30: [1, 2],
  34: [256, 54],
  35: [256, 66],
  39: [32, 17],
}

class Fault extends Error {}

/** 'More' when the bytes at hand end inside the header, else what is wrong with it, else undefined. */
export const findGgufFault = (head: Buffer, fileSize: number): string | undefined => {
  try {
    check(new Cursor(head), fileSize)
    return undefined
  } catch (error) {
    if (error instanceof Fault) return error.message
    if (error instanceof RangeError)
      return head.length < fileSize ? 'More' : 'its header ends beyond the file'
    throw error
  }
}

const need = (isRight: boolean, otherwise: string): void => {
  if (!isRight) throw new Fault(otherwise)
}

interface Ahead {
  readonly alignment: number
  readonly tensors: number
}

const check = (cursor: Cursor, fileSize: number): void => {
  need(cursor.take(4).toString('latin1') === 'GGUF', 'it does not begin with GGUF')
  const version = cursor.u32()
  need(version === 2 || version === 3, `it is GGUF version ${version}`)
  const tensors = cursor.u64()
  const keys = cursor.u64()
  need(keys <= mostKeys && tensors <= mostTensors, `it names ${keys} keys and ${tensors} tensors`)
  const alignment = readAlignment(cursor, keys, fileSize)
  need(alignment > 0 && (alignment & (alignment - 1)) === 0, `its alignment is ${alignment}`)
  checkTensors(cursor, { alignment, tensors }, fileSize)
}

const readAlignment = (cursor: Cursor, keys: number, fileSize: number): number => {
  let alignment = defaultAlignment
  for (let n = 0; n < keys; n++) {
    const key = readText(cursor, fileSize)
    const type = cursor.u32()
    if (key === 'general.alignment' && type === u32Type) alignment = cursor.u32()
    else {
      need(isValueType(type), `its key ${key.slice(0, 64)} has an unknown type`)
      skipValue(cursor, type)
    }
  }
  return alignment
}

/** A length beyond the file is a fault at once, not a wish for more bytes. */
const readText = (cursor: Cursor, fileSize: number): string => {
  const length = cursor.u64()
  need(length <= fileSize, 'a string in its header is longer than the file')
  return cursor.take(length).toString('utf8')
}

const checkTensors = (cursor: Cursor, { alignment, tensors }: Ahead, fileSize: number): void => {
  let end = 0n
  for (let n = 0; n < tensors; n++) {
    const name = readText(cursor, fileSize).slice(0, 64)
    const dimensions = cursor.u32()
    need(dimensions <= mostDimensions, `tensor ${name} has ${dimensions} dimensions`)
    let elements = 1n
    for (let d = 0; d < dimensions; d++) elements *= BigInt(cursor.u64())
    const block = blocks[cursor.u32()]
    need(block !== undefined, `tensor ${name} has an unknown type`)
    const offset = BigInt(cursor.u64())
    need(offset % BigInt(alignment) === 0n, `tensor ${name} is not aligned`)
    const [per, bytes] = block ?? [1, 0]
    const last = offset + (elements / BigInt(per)) * BigInt(bytes)
    if (last > end) end = last
  }
  const start = BigInt(Math.ceil(cursor.at / alignment) * alignment)
  need(
    tensors === 0 || start + end <= BigInt(fileSize),
    `its tensors end at byte ${start + end} of ${fileSize}`,
  )
}
