// A YAML mapping as top-level entries of whole lines, so that some can be replaced and the rest stays byte for byte.
import { Rejected } from '../failure.ts'
import { show } from '../names.ts'

export interface Entry {
  /** absent for comments and blank lines between entries */
  readonly key?: string
  readonly lines: readonly string[]
}

/** Throws Rejected `InvalidSpec` naming the line when it cannot be sure where an entry begins or ends. */
export const parseEntries = (text: string): Entry[] => {
  const entries: Entry[] = []
  let pending: string[] = []
  const flush = () => {
    if (pending.length > 0) entries.push({ lines: pending })
    pending = []
  }
  for (const [index, line] of toLines(text).entries()) {
    const last = entries.at(-1)
    if (/^\s*(#.*)?$/.test(line)) pending.push(line)
    else if (/^( +|- |-$)/.test(line)) {
      if (!last?.key) throw refuse(index, line, 'it belongs to no key')
      entries[entries.length - 1] = { key: last.key, lines: [...last.lines, ...pending, line] }
      pending = []
    } else if (line === '---' && entries.every(entry => !entry.key)) pending.push(line)
    else {
      flush()
      entries.push({ key: readKey(index, line), lines: [line] })
    }
  }
  flush()
  return entries
}

export const printEntries = (entries: readonly Entry[]): string =>
  entries
    .flatMap(entry => entry.lines)
    .map(line => `${line}\n`)
    .join('')

const toLines = (text: string): string[] => {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines.length === 1 && /^\s*\{\s*\}\s*$/.test(lines[0] ?? '') ? [] : lines
}

const keyLine = /^(?:"([A-Za-z0-9_.+-]+)"|'([A-Za-z0-9_.+-]+)'|([A-Za-z0-9_.+-]+))\s*:(?:\s+(.*))?$/

const readKey = (index: number, line: string): string => {
  const [, double, single, plain, value = ''] = keyLine.exec(line) ?? []
  const key = double ?? single ?? plain
  if (!key) throw refuse(index, line, 'it is not `key: value`')
  if (/^[&*!]/.test(value)) throw refuse(index, line, 'anchors, aliases and tags cannot be kept')
  if (!endsOnItsLine(value)) throw refuse(index, line, 'its value does not end on its line')
  return key
}

/** Quotes and brackets that are opened are closed; a plain word, a block sign or nothing always ends. */
const endsOnItsLine = (value: string): boolean => {
  const bare = value.replace(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'/g, 'q')
  if (/^["']/.test(bare)) return false
  if (!/^[[{]/.test(bare)) return true
  const brackets = bare.replace(/\s#.*$/, '')
  return count(brackets, /[[{]/g) === count(brackets, /[\]}]/g)
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0

const refuse = (index: number, line: string, why: string): Rejected =>
  new Rejected('InvalidSpec', `config file, line ${index + 1}: ${show(line)}: ${why}`)

/** Plain only where YAML reads the same text back as a number; everything else in double quotes. */
export const printScalar = (value: string): string =>
  /^(0|[1-9]\d{0,14})(\.\d{0,8}[1-9])?$/.test(value) ? value : quote(value)

const quote = (value: string): string =>
  JSON.stringify(value).replace(/[^\x20-\x7e]/gu, sign => {
    const point = sign.codePointAt(0) ?? 0
    return point > 0xffff
      ? `\\U${point.toString(16).padStart(8, '0')}`
      : `\\u${point.toString(16).padStart(4, '0')}`
  })
