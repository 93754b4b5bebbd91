// Findings → text for people, or for programs. Pure.
import { type Finding, type FindingState, hasFault } from './finding.ts'

const marks: Readonly<Record<FindingState, string>> = { Good: '✓', Warning: '!', Fault: '✗', NotLooked: '–' }
const colours: Readonly<Record<FindingState, number>> = { Good: 32, Warning: 33, Fault: 31, NotLooked: 2 }

export const printFindings = (findings: readonly Finding[], { isColoured = false } = {}): string => {
  const width = Math.max(0, ...findings.map(({ check }) => check.length))
  const tint = (state: FindingState, text: string): string =>
    isColoured ? `\x1b[${colours[state]}m${text}\x1b[0m` : text
  const rows = findings.map(({ check, state, message, fix }) => {
    const line = `${tint(state, marks[state])} ${check.padEnd(width)}  ${message}`
    return fix === undefined ? line : `${line}\n${' '.repeat(width + 4)}→ ${fix}`
  })
  return `${rows.join('\n')}\n\n${summaryOf(findings)}\n`
}

const summaryOf = (findings: readonly Finding[]): string => {
  const count = (state: FindingState): number => findings.filter(one => one.state === state).length
  const [faults, warnings] = [count('Fault'), count('Warning')]
  const said = [
    faults > 0 ? `${faults} ${faults === 1 ? 'fault' : 'faults'}` : 'no fault',
    ...(warnings > 0 ? [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`] : []),
  ]
  return `${findings.length} ${findings.length === 1 ? 'check' : 'checks'}: ${said.join(', ')}.`
}

export const toJson = (findings: readonly Finding[]): string =>
  `${JSON.stringify({ isHealthy: !hasFault(findings), findings }, null, 2)}\n`
