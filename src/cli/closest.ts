// Did you mean: the word of a list that is the fewest changes away, when that is few enough to be a slip of the hand.

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1])
      next[j] = Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1)
    }
    row = next
  }
  return row[b.length] ?? 0
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
