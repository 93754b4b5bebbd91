// What comes in at standard input, to its end. By its stream alone: the stream has made the descriptor one that a read would not wait for.
import { Refusal } from './client.ts'

export const readInput = async (
  input: AsyncIterable<unknown>,
  largest = Number.POSITIVE_INFINITY,
): Promise<string> => {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of input) {
    const bytes = Buffer.from(part as Uint8Array)
    parts.push(bytes)
    size += bytes.length
    if (size > largest) throw new Refusal(`- is larger than ${largest} bytes`)
  }
  return Buffer.concat(parts).toString('utf8')
}
