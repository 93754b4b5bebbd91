// vLLM's command line as a list of groups, in order: a flag with its values, or a word that belongs to no flag.
import { findFlagKind, toFlagName } from './vllm-flags.ts'

export interface Group {
  /** the flag's whole name without dashes; absent for a word of its own */
  readonly name?: string
  readonly values: readonly string[]
  /** as written */
  readonly words: readonly string[]
  /** false: a flag of another version, whose values had to be guessed */
  readonly isKnown: boolean
}

/** A negative number is a value, as it is for argparse. */
const isFlag = (word: string): boolean => word.startsWith('-') && word !== '-' && !/^-\d/.test(word)

/** Splits words into groups; nothing is dropped and the order stays. */
export const parseGroups = (words: readonly string[]): Group[] => {
  const groups: Group[] = []
  let at = 0
  while (at < words.length) {
    const group = takeGroup(words, at)
    groups.push(group)
    at += group.words.length
  }
  return groups
}

const takeGroup = (words: readonly string[], at: number): Group => {
  const word = words[at] ?? ''
  if (!isFlag(word)) return { values: [word], words: [word], isKnown: true }
  const inline = takeInline(word)
  if (inline) return inline
  const name = toFlagName(word)
  const kind = findFlagKind(name)
  const most = kind === 'Switch' ? 0 : kind === 'One' ? 1 : Number.POSITIVE_INFINITY
  const values = takeValues(words, at + 1, most)
  return { name, values, words: [word, ...values], isKnown: kind !== undefined }
}

/** `--flag=value`, and `-O3` or `-O=3`. */
const takeInline = (word: string): Group | undefined => {
  const level = /^-O=?(.+)$/.exec(word)?.[1]
  if (level) return { name: 'optimization-level', values: [level], words: [word], isKnown: true }
  const equals = word.indexOf('=')
  if (equals < 0) return undefined
  const name = toFlagName(word)
  return { name, values: [word.slice(equals + 1)], words: [word], isKnown: findFlagKind(name) !== undefined }
}

const takeValues = (words: readonly string[], from: number, most: number): string[] => {
  const values: string[] = []
  for (const word of words.slice(from)) {
    if (values.length >= most || isFlag(word)) break
    values.push(word)
  }
  return values
}

/** `no-x` and `x.y` speak about the flag `x`. */
export const toRoot = (name: string): string => {
  const [head = ''] = name.split('.')
  return head.startsWith('no-') && findFlagKind(head.slice(3)) === 'Switch' ? head.slice(3) : head
}
