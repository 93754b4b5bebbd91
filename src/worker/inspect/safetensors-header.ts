// Whether the header of a safetensors file says what its bytes can be. Untrusted: read by a process that holds nothing else.
import { isUtf8 } from 'node:buffer'

const lengthBytes = 8
const longestHeader = 100_000_000

/** Bits of one element of each dtype. */
const bitsOf: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E5M2FNUZ: 8,
  F8_E4M3FNUZ: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
}

/** Bytes of the file that must be at hand to judge it; undefined while its first eight are not. Throws nothing. */
export const safetensorsHeaderEnd = (head: Buffer): number | undefined =>
  head.length < lengthBytes ? undefined : lengthBytes + Number(head.readBigUInt64LE(0))

/** What is wrong with it, in words; undefined when it is right. `head` holds at least the whole header where that is possible. */
export const findSafetensorsFault = (head: Buffer, fileSize: number): string | undefined => {
  const end = safetensorsHeaderEnd(head)
  if (end === undefined) return 'it is too short for a header'
  if (end > fileSize) return `its header ends at byte ${end} of ${fileSize}`
  if (end - lengthBytes > longestHeader) return `its header has ${end - lengthBytes} bytes`
  const bytes = head.subarray(lengthBytes, end)
  if (!isUtf8(bytes)) return 'its header is not UTF-8'
  const text = bytes.toString('utf8')
  const header = parseObject(text)
  if (!header) return 'its header is not a JSON object'
  const twice = findRepeatedKey(text)
  return twice === undefined ? findLayoutFault(header, fileSize - end) : `its header names ${twice} twice`
}

const parseObject = (text: string): Record<string, unknown> | undefined => {
  try {
    const parsed: unknown = JSON.parse(text)
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    return isObject ? (parsed as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** JSON.parse keeps the last of two equal keys: another reader may keep the first. The text is JSON already. */
const findRepeatedKey = (text: string): string | undefined => {
  const seen = new Set<string>()
  let depth = 0
  for (const [token, name] of text.matchAll(/("(?:[^"\\]|\\.)*")(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (depth === 1 && name && token.endsWith(':')) {
      const key = JSON.parse(name) as string
      if (seen.has(key)) return key.slice(0, 64)
      seen.add(key)
    }
  }
  return undefined
}

interface Tensor {
  readonly name: string
  readonly from: number
  readonly to: number
}

const findLayoutFault = (header: Record<string, unknown>, dataBytes: number): string | undefined => {
  const tensors: Tensor[] = []
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const tensor = toTensor(name, value)
    if (typeof tensor === 'string') return tensor
    tensors.push(tensor)
  }
  return findGap(tensors, dataBytes)
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const toTensor = (name: string, value: unknown): Tensor | string => {
  const label = `tensor ${name.slice(0, 64)}`
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>
  const bits = typeof dtype === 'string' && Object.hasOwn(bitsOf, dtype) ? bitsOf[dtype] : undefined
  if (bits === undefined) return `${label} has an unknown dtype`
  if (!Array.isArray(shape) || !shape.every(isCount)) return `${label} has no shape`
  const [from, to] = Array.isArray(offsets) && offsets.length === 2 ? offsets : []
  if (!isCount(from) || !isCount(to) || to < from) return `${label} has no range of bytes`
  const wanted = shape.reduce((product, count) => product * BigInt(count), BigInt(bits))
  if (wanted !== BigInt(to - from) * 8n) return `${label} has ${to - from} bytes, which is not its shape`
  return { name, from, to }
}

/** Every byte of the data belongs to one tensor. */
const findGap = (tensors: Tensor[], dataBytes: number): string | undefined => {
  tensors.sort((a, b) => a.from - b.from || a.to - b.to)
  let at = 0
  for (const { name, from, to } of tensors) {
    if (from !== at) return `tensor ${name.slice(0, 64)} begins at ${from} and not at ${at}`
    at = to
  }
  return at === dataBytes ? undefined : `its tensors end at ${at} of ${dataBytes} bytes`
}
