import { describe, expect, it } from 'vitest'
import { HeldObject } from '../../../src/platform/kubernetes/held-object.ts'

const metadata = { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '7' }

describe('An object in the cache of Models', () => {
  it('is parsed once, and is the same object at each look', () => {
    const held = new HeldObject('Model', { metadata, spec: { source: { huggingFace: { repo: 'a/b' } } } })
    expect(held.object.spec.source.huggingFace?.revision).toBe('main')
    expect(held.object).toBe(held.object)
    expect(held.object.metadata).toBe(held.metadata)
  })

  it('that does not fit its schema is held all the same, and says which field is wrong', () => {
    const held = new HeldObject('Model', { metadata, spec: { source: 7 }, status: 'none' })
    expect(held.metadata.name).toBe('a')
    expect(held.object.invalid).toContain('spec.source')
    expect(held.object.status).toEqual({})
  })

  it('keeps of its managers only the one that wrote the spec last', () => {
    const entry = (manager: string, time: string) => ({ manager, time, fieldsV1: { 'f:spec': {} } })
    const managedFields = [entry('first', '2026-01-01T00:00:00Z'), entry('last', '2026-01-02T00:00:00Z')]
    const held = new HeldObject('Runtime', { metadata: { ...metadata, managedFields }, spec: {} })
    expect(held.object.metadata.specManager).toBe('last')
    expect(held.metadata).not.toHaveProperty('managedFields')
  })
})
