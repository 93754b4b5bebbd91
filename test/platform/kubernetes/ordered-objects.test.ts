// Objects of a namespace in order of their age, kept in step with the cache whatever comes and goes.
import { describe, expect, it } from 'vitest'
import { HeldObject } from '../../../src/platform/kubernetes/held-object.ts'
import type { ReflectorListener } from '../../../src/platform/kubernetes/kernel/reflector.ts'
import { OrderedObjects } from '../../../src/platform/kubernetes/ordered-objects.ts'

const aModel = (name: string, minute: number, resourceVersion = '1') =>
  new HeldObject('Model', {
    metadata: {
      ...{ name, namespace: 'n', uid: `${name}-${minute}`, resourceVersion },
      creationTimestamp: `2026-01-01T00:${String(minute).padStart(2, '0')}:00Z`,
    },
    spec: { source: { huggingFace: { repo: 'a/b' } } },
  })

type Held = ReturnType<typeof aModel>

/** A cache of which the test says what changes. */
function openCache() {
  const listeners: ReflectorListener<Held>[] = []
  const objects = new OrderedObjects<'Model'>({
    subscribe: listener => {
      listeners.push(listener)
      return () => undefined
    },
  })
  const tell = (type: 'added' | 'modified' | 'deleted', ...held: Held[]): void => {
    for (const object of held) for (const listener of listeners) listener({ type, object, isInitial: false })
  }
  const names = (): string[] => objects.list('n').map(({ metadata }) => metadata.name)
  return { objects, tell, names }
}

describe('The Models of a namespace, in order', () => {
  it('come by creation, then by name, however they arrived', () => {
    const { tell, names } = openCache()
    tell('added', aModel('b', 2), aModel('z', 1), aModel('a', 2), aModel('c', 0))
    expect(names()).toEqual(['c', 'z', 'a', 'b'])
  })

  it('are the same list until one of them changes, and then another list', () => {
    const { objects, tell } = openCache()
    tell('added', aModel('a', 1), aModel('b', 2))
    const before = objects.list('n')
    expect(objects.list('n')).toBe(before)
    const changed = aModel('a', 1, '2')
    tell('modified', changed)
    expect(before.map(({ metadata }) => metadata.resourceVersion)).toEqual(['1', '1'])
    expect(objects.list('n')[0]).toBe(changed.object)
  })

  it('lose one that was deleted, and take another of its name in its own place', () => {
    const { tell, names, objects } = openCache()
    tell('added', aModel('a', 1), aModel('b', 2))
    tell('deleted', aModel('a', 1))
    tell('added', aModel('a', 3))
    expect(names()).toEqual(['b', 'a'])
    tell('deleted', aModel('a', 3), aModel('b', 2))
    expect(objects.list('n')).toEqual([])
  })

  it('are not disturbed by one that is gone already', () => {
    const { tell, names } = openCache()
    tell('added', aModel('a', 1))
    tell('deleted', aModel('b', 0))
    expect(names()).toEqual(['a'])
  })
})
