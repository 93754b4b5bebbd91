import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { misbehaviours } from '../stand-ins/engine/misbehaviours.ts'
import { pagePath, renderPage } from './page.ts'

describe('docs/engines.md', () => {
  it('is what the misbehaviour library says', () => {
    if (process.env['UPDATE_GOLDEN']) writeFileSync(pagePath, renderPage())
    expect(readFileSync(pagePath, 'utf8')).toBe(renderPage())
  })
})

describe('The misbehaviour library', () => {
  it('has at least thirty rows, each told apart by what the engine does', () => {
    const names = misbehaviours.map(row => `${row.engine} ${row.when} ${row.does}`)
    expect(names.length).toBeGreaterThanOrEqual(30)
    expect(new Set(names).size).toBe(names.length)
  })
})
