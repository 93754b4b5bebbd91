// File patterns as the Hub's own clients understand them (fnmatch): `*` also matches `/`, `?` one character, `[a-z]`, `[!a]`.
// Matching takes time proportional to pattern times name, whatever the pattern.

type Piece = '*' | ((character: string) => boolean)

const toClass = (body: string): ((character: string) => boolean) => {
  const isNegated = body.startsWith('!')
  const set = isNegated ? body.slice(1) : body
  const isIn = (character: string): boolean => {
    for (let i = 0; i < set.length; i++) {
      const from = set[i] ?? ''
      const isRange = set[i + 1] === '-' && i + 2 < set.length
      const to = isRange ? (set[i + 2] ?? '') : from
      if (character >= from && character <= to) return true
      if (isRange) i += 2
    }
    return false
  }
  return character => isIn(character) !== isNegated
}

const toPieces = (pattern: string): Piece[] => {
  const pieces: Piece[] = []
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i] ?? ''
    const close = character === '[' ? pattern.indexOf(']', i + (pattern[i + 1] === '!' ? 3 : 2)) : -1
    if (close > 0) {
      pieces.push(toClass(pattern.slice(i + 1, close)))
      i = close
    } else if (character === '*') pieces.push('*')
    else if (character === '?') pieces.push(() => true)
    else pieces.push(c => c === character)
  }
  return pieces
}

const matches = (pieces: readonly Piece[], name: string): boolean => {
  let [at, piece, star, mark] = [0, 0, -1, 0]
  while (at < name.length) {
    const wanted = pieces[piece]
    if (wanted === '*') {
      star = piece++
      mark = at
    } else if (wanted?.(name[at] ?? '')) {
      at++
      piece++
    } else if (star >= 0) {
      piece = star + 1
      at = ++mark
    } else return false
  }
  while (pieces[piece] === '*') piece++
  return piece === pieces.length
}

/** True when one of the patterns matches the whole name; a pattern that ends in `/` means everything below. */
export const toMatcher = (patterns: readonly string[]): ((name: string) => boolean) => {
  const compiled = patterns.map(pattern => toPieces(pattern.endsWith('/') ? `${pattern}*` : pattern))
  return name => compiled.some(pieces => matches(pieces, name))
}
