// Did you mean: the word of a list that is the fewest changes away, when that is few enough to be a slip of the hand.

/** Letters changed, missing, too many, or swapped with their neighbour. */
const distance = (a: string, b: string): number => {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, at) => at)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = at(i - 1, j - 1) + Number(a[i - 1] !== b[j - 1])
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swap = isSwap ? at(i - 2, j - 2) + 1 : change
      rows[i]![j] = Math.min(change, swap, at(i - 1, j) + 1, at(i, j - 1) + 1)
    }
  }
  return at(a.length, b.length)
}

export const findClosest = (word: string, all: readonly string[]): string | undefined => {
  const [best] = all
    .map(one => ({ one, far: distance(word.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.far - b.far)
  return best && best.far <= Math.max(1, Math.floor(word.length / 3)) ? best.one : undefined
}

/** ` Did you mean "x"?`, or nothing. */
export const didYouMean = (word: string, all: readonly string[]): string => {
  const closest = findClosest(word, all)
  return closest === undefined ? '' : `. Did you mean ${closest}?`
}
