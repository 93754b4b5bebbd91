// The honest witness: asks every engine ten times a second what would answer a client now, and holds Ready against it.
import { setTimeout as sleep } from 'node:timers/promises'
import { awakeNow } from './awake-time.ts'

/** What would have answered at that moment: roots or digests; empty = nothing. */
interface Truth {
  readonly at: number
  readonly answers: readonly string[]
  /** given since the engine started */
  readonly tokens: number
}

/** Ready as it was written at that moment, and the bytes it was about. */
interface Claim {
  readonly at: number
  readonly isReady: boolean
  readonly identity: string | undefined
  readonly reason: string
}

const everyMs = 100

/** Two samples may lie apart by this when the machine is busy; a longer gap is judged by its end. */
interface Verdict {
  readonly samples: number
  /** the longest time, in ms, that Ready was True while its bytes could not answer */
  readonly longestLie: number
  /** samples with Ready False while requests were being served */
  readonly falseWhileServing: number
}

export class Oracle {
  readonly truths: Truth[] = []
  readonly claims: Claim[] = []
  readonly #controlUrls: () => readonly string[]
  #isOver = false

  constructor(controlUrls: () => readonly string[]) {
    this.#controlUrls = controlUrls
  }

  note(claim: Omit<Claim, 'at'>): void {
    this.claims.push({ at: awakeNow(), ...claim })
  }

  /** Samples until `end`. */
  async watch(): Promise<void> {
    while (!this.#isOver) {
      const seen = await Promise.all(this.#controlUrls().map(askTruth))
      this.truths.push({
        at: awakeNow(),
        answers: seen.flatMap(one => one.answers),
        tokens: seen.reduce((sum, one) => sum + one.tokens, 0),
      })
      await sleep(everyMs)
    }
  }

  end(): void {
    this.#isOver = true
  }

  judge(): Verdict {
    let lieSince: number | undefined
    let longestLie = 0
    let falseWhileServing = 0
    let tokens = 0
    for (const truth of this.truths) {
      const claim = this.#claimAt(truth.at)
      const couldAnswer = claim?.identity !== undefined && truth.answers.includes(claim.identity)
      const isLie = claim?.isReady === true && !couldAnswer
      lieSince = isLie ? (lieSince ?? truth.at) : undefined
      if (lieSince !== undefined) longestLie = Math.max(longestLie, truth.at - lieSince)
      if (claim && !claim.isReady && couldAnswer && truth.tokens > tokens) falseWhileServing++
      tokens = truth.tokens
    }
    return { samples: this.truths.length, longestLie, falseWhileServing }
  }

  #claimAt(at: number): Claim | undefined {
    return this.claims.findLast(claim => claim.at <= at)
  }
}

/** Nobody there: nothing would answer. */
const askTruth = async (url: string): Promise<Pick<Truth, 'answers' | 'tokens'>> => {
  try {
    const answer = await fetch(`${url}/__truth`, { signal: AbortSignal.timeout(400) })
    return (await answer.json()) as Pick<Truth, 'answers' | 'tokens'>
  } catch {
    return { answers: [], tokens: 0 }
  }
}
