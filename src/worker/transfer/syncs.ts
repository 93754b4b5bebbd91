// Parts on their way from the page cache to the disk: one sync speaks for every part that was whole when it began, so that no
// connection waits for the disk unless it is the slowest of all.

/** Whole parts that may wait before their connections do. */
const mostWaiting = 16

export class Syncs {
  readonly #sync: () => Promise<void>
  readonly #onSynced: (index: number) => void
  readonly #waiting = new Set<number>()
  #turn: Promise<void> = Promise.resolve()
  #all: Promise<void> | undefined

  /** `onSynced` is called for a part after a sync that began when it was whole. */
  constructor(sync: () => Promise<void>, onSynced: (index: number) => void) {
    this.#sync = sync
    this.#onSynced = onSynced
  }

  /** Resolves before the part is synced, unless the disk lags behind. */
  async add(index: number): Promise<void> {
    this.#waiting.add(index)
    if (!this.#all) this.#begin()
    while (this.#waiting.size > mostWaiting) await this.#turn
  }

  /** Resolves when every part that was added is synced. Throws when a sync failed, now or before. */
  async settle(): Promise<void> {
    await this.#all
  }

  #begin(): void {
    this.#all = this.#syncAll()
    this.#all.catch(() => {})
  }

  async #syncAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      const whole = [...this.#waiting]
      this.#waiting.clear()
      this.#turn = this.#sync()
      await this.#turn
      for (const index of whole) this.#onSynced(index)
    }
    this.#all = undefined
  }
}
