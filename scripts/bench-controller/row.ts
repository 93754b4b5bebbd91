// One line of the table: what was measured, and what it should be.

export interface Row {
  readonly figure: string
  readonly value: number
  readonly unit: string
  /** the most that is good; absent where there is no goal */
  readonly atMost?: number
  readonly atLeast?: number
  /** what went into the figure */
  readonly details?: object
}

export const isMet = ({ value, atMost, atLeast }: Row): boolean | undefined => {
  if (atMost === undefined && atLeast === undefined) return undefined
  return value <= (atMost ?? Number.POSITIVE_INFINITY) && value >= (atLeast ?? Number.NEGATIVE_INFINITY)
}

export const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits))

const goalOf = ({ atMost, atLeast, unit }: Row): string => {
  if (atMost !== undefined) return `≤ ${atMost} ${unit}`
  return atLeast === undefined ? '' : `≥ ${atLeast} ${unit}`
}

const wordOf = (row: Row): string => ({ true: 'met', false: 'MISSED' })[String(isMet(row))] ?? ''

export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(row => [
    row.figure,
    `${row.value} ${row.unit}`,
    goalOf(row),
    wordOf(row),
    row.details ? JSON.stringify(row.details) : '',
  ])
  const widths = [0, 1, 2, 3].map(column => Math.max(...cells.map(cell => cell[column]?.length ?? 0)))
  return cells.map(cell => cell.map((text, n) => text.padEnd(widths[n] ?? 0)).join('  ')).join('\n')
}
