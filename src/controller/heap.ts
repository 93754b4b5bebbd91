// A binary heap whose items know their place, so that one that changed is moved without being searched for.

export interface Placed {
  /** index in the heap that holds it; −1 while none does */
  place: number
}

/** Invariant: no item comes before its parent, and `place` of each item is its index. An item is in one heap at most. */
export class Heap<T extends Placed> {
  readonly #items: T[] = []
  readonly #isBefore: (a: T, b: T) => boolean

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore
  }

  get size(): number {
    return this.#items.length
  }

  get first(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    this.#put(this.#items.length, item)
    this.#rise(item.place)
  }

  /** Nothing when it is not here. */
  remove(item: T): void {
    if (this.#items[item.place] !== item) return
    const { place } = item
    const last = this.#items.pop()
    item.place = -1
    if (last === undefined || last === item) return
    this.#put(place, last)
    this.#rise(place)
    this.#sink(last.place)
  }

  #put(place: number, item: T): void {
    this.#items[place] = item
    item.place = place
  }

  #rise(from: number): void {
    for (let place = from; place > 0; ) {
      const parent = (place - 1) >> 1
      if (!this.#swapWhenBefore(place, parent)) return
      place = parent
    }
  }

  #sink(from: number): void {
    for (let place = from; ; ) {
      const left = 2 * place + 1
      if (left >= this.#items.length) return
      const least = this.#least(left, left + 1)
      if (!this.#swapWhenBefore(least, place)) return
      place = least
    }
  }

  #least(left: number, right: number): number {
    const [a, b] = [this.#items[left], this.#items[right]]
    return a && b && this.#isBefore(b, a) ? right : left
  }

  #swapWhenBefore(below: number, above: number): boolean {
    const [child, parent] = [this.#items[below], this.#items[above]]
    if (!child || !parent || !this.#isBefore(child, parent)) return false
    this.#put(above, child)
    this.#put(below, parent)
    return true
  }
}
