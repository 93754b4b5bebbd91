// What a person, and what a program, is shown of findings.
import { describe, expect, it } from 'vitest'
import { fault, good, notLooked, warning } from '../../../src/cli/doctor/finding.ts'
import { printFindings, toJson } from '../../../src/cli/doctor/print-findings.ts'

const findings = [
  good('Node', '24.21.0'),
  fault('Port of gpu-a', '8000 is taken by python3 (PID 4711), which switchyard did not start', 'kill 4711'),
  warning('Lingering', 'off', 'loginctl enable-linger'),
  notLooked('GPU', 'no nvidia-smi on the PATH'),
]

describe('Findings', () => {
  it('are a line each, with what to do below, and a sum', () => {
    expect(printFindings(findings)).toMatchInlineSnapshot(`
      "✓ Node           24.21.0
      ✗ Port of gpu-a  8000 is taken by python3 (PID 4711), which switchyard did not start
                       → kill 4711
      ! Lingering      off
                       → loginctl enable-linger
      – GPU            no nvidia-smi on the PATH

      4 checks: 1 fault, 1 warning.
      "
    `)
  })

  it('are coloured only where that is wanted', () => {
    expect(printFindings(findings)).not.toContain('\x1b')
    expect(printFindings(findings, { isColoured: true })).toContain('\x1b[31m✗\x1b[0m Port of gpu-a')
  })

  it('are healthy without a fault', () => {
    expect(JSON.parse(toJson(findings))).toEqual({ isHealthy: false, findings })
    expect(JSON.parse(toJson([good('Node', '24')])).isHealthy).toBe(true)
    expect(printFindings([good('Node', '24')])).toContain('1 check: no fault.')
  })
})
