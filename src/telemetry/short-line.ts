// One log entry as people read it on a terminal.
import { inspect } from 'node:util'

const marks: Readonly<Record<string, string>> = {
  debug: 'debug',
  info: 'info ',
  warn: 'WARN ',
  error: 'ERROR',
}

export const toShortLine = (line: string): string => {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${inLine(value)}`)
  const failure = err ? ` — ${(err as { message?: string }).message ?? inLine(err)}` : ''
  return `${String(time).slice(11, 19)} ${marks[String(level)] ?? level} ${msg ?? ''}${failure}${rest.join('')}\n`
}

const inLine = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true, depth: 4 })
