// Ten thousand objects say the same words again and again: equal strings are kept once.

/** How many are remembered at most, twice; what was not met for so long is forgotten. */
const most = 4_096
const longest = 2_048
/** Objects of ours end long before; whoever nests deeper means harm. */
const deepest = 24

export class SharedStrings {
  #young = new Map<string, string>()
  #old = new Map<string, string>()

  /** The same value in place, its strings exchanged for equal ones that were met before. Only for what was just parsed. */
  share<V>(value: V, depth = 0): V {
    if (typeof value === 'string') return this.#once(value) as V
    if (typeof value !== 'object' || value === null || depth > deepest) return value
    const members = value as Record<string, unknown>
    for (const name in members) members[name] = this.share(members[name], depth + 1)
    return value
  }

  #once(text: string): string {
    if (text.length > longest) return text
    const young = this.#young.get(text)
    if (young !== undefined) return young
    const kept = this.#old.get(text) ?? text
    if (this.#young.size >= most) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(kept, kept)
    return kept
  }
}
