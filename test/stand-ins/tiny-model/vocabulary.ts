// The tokens of a constructed model: every byte, the pieces of its one answer, and the special tokens.

const SPECIALS = ['<|bos|>', '<|eos|>', '<|system|>', '<|user|>', '<|assistant|>', '<|pad|>']
const TAG = /(<\/?[a-z_]+>)/

export interface Vocabulary {
  readonly tokens: readonly string[]
  readonly merge: readonly [string, string]
  readonly pieces: readonly string[]
  readonly firstPiece: number
  readonly firstSpecial: number
  readonly specials: readonly string[]
  readonly bos: number
  readonly eos: number
  readonly pad: number
}

/** GPT-2's printable letter for each byte. */
function byteLetters(): string[] {
  const letters: string[] = []
  let free = 256
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte < 173) || byte > 173
    letters.push(String.fromCharCode(printable ? byte : free++))
  }
  return letters
}

const LETTERS = byteLetters()
const spell = (text: string) => [...Buffer.from(text)].map(byte => LETTERS[byte]).join('')

/**
 * Cuts an answer into pieces of at least two bytes (one byte would be the byte's own token), none twice: the last
 * token is the whole state of the model. Lower-case tags such as <think> stay whole, since parsers look them up.
 */
function cutAnswer(answer: string, seen: Set<string>): string[] {
  const pieces: string[] = []
  const isFree = (text: string) => Buffer.byteLength(text) >= 2 && !seen.has(spell(text))
  const add = (text: string) => {
    pieces.push(text)
    seen.add(spell(text))
  }
  let rest = ''
  const addLetter = (letter: string) => {
    rest += letter
    if ([...rest].length < 3 || !isFree(rest)) return
    add(rest)
    rest = ''
  }
  for (const part of answer.split(TAG)) {
    if (TAG.test(part) && isFree(part) && (rest === '' || isFree(rest))) {
      if (rest !== '') add(rest)
      add(part)
      rest = ''
    } else for (const letter of part) addLetter(letter)
  }
  addRest(rest, { pieces, seen, isFree, add })
  return pieces
}

interface Cut {
  readonly pieces: string[]
  readonly seen: Set<string>
  readonly isFree: (text: string) => boolean
  readonly add: (text: string) => void
}

/** What is left over is too short or a repetition: it takes pieces back until it is neither. */
function addRest(left: string, cut: Cut) {
  let rest = left
  while (rest !== '' && !cut.isFree(rest)) {
    const last = cut.pieces.pop()
    if (last === undefined) throw new Error('a constructed answer needs at least two bytes')
    cut.seen.delete(spell(last))
    rest = last + rest
  }
  if (rest !== '') cut.add(rest)
}

function addCounting(pieces: string[], seen: Set<string>, repeat: number) {
  for (let i = 1; i <= repeat; i++) {
    let piece = ` ${i}`
    while (seen.has(spell(piece))) piece += '.'
    pieces.push(piece)
    seen.add(spell(piece))
  }
}

export function makeVocabulary(answer: string, repeat: number): Vocabulary {
  // Bytes ff ff never occur in UTF-8: engines want one merge, and this one never fires.
  const merge = [LETTERS[255]!, LETTERS[255]!] as const
  const tokens = [...LETTERS, merge.join('')]
  const seen = new Set(tokens)
  const pieces = cutAnswer(answer, seen)
  addCounting(pieces, seen, repeat)
  const firstPiece = tokens.length
  tokens.push(...pieces.map(spell))
  const firstSpecial = tokens.length
  const specials = [...SPECIALS]
  while ((firstSpecial + specials.length) % 64 !== 0) specials.push(`<|unused${specials.length}|>`)
  tokens.push(...specials)
  return {
    tokens,
    merge,
    pieces,
    firstPiece,
    firstSpecial,
    specials,
    bos: firstSpecial,
    eos: firstSpecial + 1,
    pad: firstSpecial + 5,
  }
}
