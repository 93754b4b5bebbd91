// What a server still allows, as its answers tell it: `RateLimit: "name";r=left;t=seconds`, and `RateLimit-Policy` for the length of
// a window when that says none. The older form, `limit=, remaining=, reset=`, is read too.

export interface Allowance {
  /** requests that it answers before the window ends */
  readonly left: number
  readonly seconds: number
}

/** What the answers of one work leave to the next one: how long a limit stays used up. */
export class UsedUp {
  #endsAt = 0

  note({ left, seconds }: Allowance): void {
    if (left <= 0) this.#endsAt = Math.max(this.#endsAt, performance.now() + seconds * 1000)
  }

  /** 0 when none is. */
  get seconds(): number {
    return Math.max(0, Math.ceil((this.#endsAt - performance.now()) / 1000))
  }
}

/** A server that tells of a longer window is asked again after a day. */
const longestWindow = 86_400

const numberIn = (text: string, name: string): number | undefined => {
  const found = new RegExp(`(?:^|[;,\\s])${name}\\s*=\\s*(\\d{1,9})(?:$|[;,\\s])`).exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

const windowOf = (item: string, policy: string): number | undefined => {
  const name = item.split(';')[0]?.trim() ?? ''
  const one = policy.split(',').find(part => part.split(';').some(word => word.trim() === name)) ?? policy
  return numberIn(one, 'w')
}

/** Of several limits the one that is used up first; undefined when nothing is told that can be read. */
export const readAllowance = (header: (name: string) => string | null): Allowance | undefined => {
  const limits = (header('ratelimit') ?? '').slice(0, 1_000)
  const policy = (header('ratelimit-policy') ?? '').slice(0, 1_000)
  const items = /\bremaining\s*=/.test(limits) ? [limits] : limits.split(',')
  const all = items.flatMap(item => {
    const left = numberIn(item, 'r') ?? numberIn(item, 'remaining')
    const seconds = numberIn(item, 't') ?? numberIn(item, 'reset') ?? windowOf(item, policy)
    return left === undefined || seconds === undefined
      ? []
      : [{ left, seconds: Math.min(seconds, longestWindow) }]
  })
  return all.toSorted((a, b) => a.left - b.left || b.seconds - a.seconds)[0]
}
