import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { reasonsPath, renderReasons } from '../../scripts/reasons.ts'
import { reasonNames, reasons } from '../../src/domain/conditions.ts'

describe('The table of reasons', () => {
  it('is what docs/reasons.md says', () => {
    expect(readFileSync(reasonsPath, 'utf8')).toBe(renderReasons())
  })

  it('holds one CamelCase word each, with a sentence', () => {
    expect(reasonNames.filter(name => !/^[A-Z][A-Za-z]+$/.test(name))).toEqual([])
    expect(reasonNames.filter(name => !reasons[name].means.endsWith('.'))).toEqual([])
  })
})
