// Buffers that the connections of one work receive into: one that ends leaves its own to the next, because garbage of this size
// is collected late.

/** A write costs more by its number than by its bytes, as long as they stay in the processor's cache until it is made. */
export const slabBytes = 768 << 10

/** So many are kept for the next connection; the memory of more is given back at once. */
const mostKept = 4

export class Slabs {
  readonly #free: Buffer[] = []

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(slabBytes)
  }

  /** MUST be called only when nobody writes into it or reads from it any more. */
  give(slab: Buffer): void {
    if (this.#free.length < mostKept) this.#free.push(slab)
    else (slab.buffer as ArrayBuffer).transfer(0)
  }
}
