// Objects as the rows kubectl prints: the same columns, made from the same definition.
import { kinds } from '../domain/kinds.ts'
import type { Kind } from '../domain/object.ts'
import type { Row } from './client.ts'
import { clean } from './print.ts'

export interface TableWish {
  readonly now: Date
  readonly isWide: boolean
  readonly withNamespace: boolean
}

/** `.status.conditions[?(@.type=="Ready")].reason` as the columns write it. */
const readPath = (root: unknown, path: string): unknown => {
  let value = root
  for (const part of path.match(/\.[A-Za-z]+|\[\?\(@\.\w+=="\w+"\)\]/g) ?? []) {
    const [, field, wanted] = /^\[\?\(@\.(\w+)=="(\w+)"\)\]$/.exec(part) ?? []
    value =
      field === undefined
        ? (value as Record<string, unknown> | undefined)?.[part.slice(1)]
        : (value as Record<string, unknown>[] | undefined)?.find(one => one[field] === wanted)
    if (value === null || value === undefined) return undefined
  }
  return value
}

/** As kubectl counts: 45s, 12m, 3h20m, 5d. */
export const showAge = (since: string, now: Date): string => {
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(since)) / 1000))
  if (Number.isNaN(seconds)) return '<unknown>'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return `${minutes}m${seconds % 60 ? `${seconds % 60}s` : ''}`
  if (minutes < 180) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 8) return `${hours}h${minutes % 60 ? `${minutes % 60}m` : ''}`
  if (hours < 48) return `${hours}h`
  return `${Math.floor(hours / 24)}d`
}

const cellOf = (row: Row, column: { jsonPath: string; type: string }, now: Date): string => {
  const value = readPath(row.raw, column.jsonPath)
  if (value === undefined) return ''
  return column.type === 'date' ? showAge(String(value), now) : clean(String(value))
}

export const toRows = (kind: Kind, all: readonly Row[], wish: TableWish): readonly (readonly string[])[] => {
  const columns = kinds[kind].columns.filter(({ priority }) => wish.isWide || !priority)
  const first = wish.withNamespace ? ['NAMESPACE', 'NAME'] : ['NAME']
  const head = [...first, ...columns.map(({ name }) => name.toUpperCase())]
  const rows = all.map(row => {
    const names = wish.withNamespace ? [row.namespace, row.name] : [row.name]
    return [...names, ...columns.map(column => cellOf(row, column, wish.now))]
  })
  return [head, ...rows]
}

/** Columns three apart; nothing trails. */
export const alignRows = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map(row => row[at]?.length ?? 0)))
  return rows.map(row =>
    row
      .map((cell, at) => cell.padEnd((widths[at] ?? 0) + 3))
      .join('')
      .trimEnd(),
  )
}
