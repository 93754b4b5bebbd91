// How a table of patterns turns one log line into a sign of loading.
import { type Reason, shortMessage } from '../conditions.ts'
import type { LoadSign } from '../engine.ts'

/** A group named `percent` in the pattern is the percent. With a reason it is a failure and carries the line itself. */
export interface LogPattern {
  readonly mark: string
  readonly pattern: RegExp
  readonly reason?: Reason
  /** such a line only says that another one has the cause */
  readonly isPointer?: true
}

const colours = /\x1b\[[0-9;]*m/g
const messageBytes = 200

export const readSign = (line: string, patterns: readonly LogPattern[]): LoadSign | undefined => {
  const text = line.slice(0, 4096).replace(colours, '')
  for (const { mark, pattern, reason, isPointer } of patterns) {
    const match = pattern.exec(text)
    if (!match) continue
    const points = isPointer ? { isPointer } : {}
    if (reason) return { mark, failure: { reason, message: toMessage(text, match), ...points } }
    const percent = toWholePercent(match.groups?.['percent'])
    return percent === undefined ? { mark } : { mark: `${mark} ${percent}%`, percent }
  }
  return undefined
}

const toWholePercent = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Math.max(0, Math.min(100, Math.floor(Number(text))))

/** From the first word of the error on: time, level and process say nothing to a person. */
const toMessage = (text: string, match: RegExpExecArray): string =>
  shortMessage(match.groups?.['message'] ?? text.slice(match.index), messageBytes)
