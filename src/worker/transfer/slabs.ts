// Buffers that the connections of one work receive into: one that ends leaves its own to the next, because garbage of this size
// is collected late.

/** A write costs more by its number than by its bytes, as long as they stay in the processor's cache until it is made. */
const largeBytes = 768 << 10
/** One for each of four connections, and one that is being written: eight were not faster. The others are small. */
const mostLarge = 5
const smallBytes = 256 << 10

/** So many are kept for the next connection; the memory of more is given back at once. */
const mostKept = 4

export class Slabs {
  readonly #free: Buffer[] = []
  /** in use or kept */
  #large = 0

  take(): Buffer {
    return this.#free.pop() ?? this.#make()
  }

  /** MUST be called only when nobody writes into it or reads from it any more. */
  give(slab: Buffer): void {
    const isLarge = slab.length === largeBytes
    if (isLarge && this.#free.length < mostKept) {
      this.#free.push(slab)
      return
    }
    if (isLarge) this.#large--
    ;(slab.buffer as ArrayBuffer).transfer(0)
  }

  #make(): Buffer {
    if (this.#large >= mostLarge) return Buffer.allocUnsafeSlow(smallBytes)
    this.#large++
    return Buffer.allocUnsafeSlow(largeBytes)
  }
}
