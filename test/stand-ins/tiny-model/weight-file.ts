// Streams a header and then tensor blocks into one file, so that a large model never stands in memory.
import { closeSync, openSync, writeSync } from 'node:fs'
import type { NumberFormat, Tensor, Weights } from './tensors.ts'

export interface WeightData {
  readonly tensors: readonly Tensor[]
  readonly weights: Weights
  readonly format: NumberFormat
  /** Each tensor but the last is filled up to a multiple of this. */
  readonly alignment: number
}

function writeFully(fd: number, bytes: Buffer): number {
  let done = 0
  while (done < bytes.length) done += writeSync(fd, bytes, done)
  return done
}

/** Returns the length of the file. */
export function writeWeightFile(file: string, header: Buffer, data: WeightData): number {
  const fd = openSync(file, 'w')
  try {
    let at = writeFully(fd, header)
    for (const tensor of data.tensors) {
      for (const block of data.weights.blocks(tensor, data.format)) at += writeFully(fd, block)
      const gap = (data.alignment - (at % data.alignment)) % data.alignment
      if (gap > 0 && tensor !== data.tensors.at(-1)) at += writeFully(fd, Buffer.alloc(gap))
    }
    return at
  } finally {
    closeSync(fd)
  }
}

export function paddingText(wanted: number, have: number): string {
  if (have > wanted) throw new Error(`padBytes is too small: ${have} needed`)
  return 'x'.repeat(wanted - have)
}
