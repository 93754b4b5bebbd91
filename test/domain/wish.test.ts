// What a document that a person wrote is: the object he wants, nothing, or one sentence that names the field.
import { describe, expect, it } from 'vitest'
import { toWish } from '../../src/domain/wish.ts'

const apiVersion = 'switchyard.dev/v1alpha1'
const good = { apiVersion, kind: 'Model', metadata: { namespace: 'ml', name: 'qwen' }, spec: { a: 1 } }

describe('A document', () => {
  it.each([undefined, null])('of nothing (%s) is no wish and no error', read =>
    expect(toWish(read)).toBeUndefined(),
  )

  it.each<[unknown, string]>([
    ['text', 'a document is no object'],
    [[good], 'a document is no object'],
    [{ ...good, apiVersion: 'v1' }, `apiVersion: "v1" is not ${apiVersion}`],
    [{ ...good, apiVersion: undefined }, `apiVersion: "undefined" is not ${apiVersion}`],
    [{ ...good, kind: 'Pod' }, 'kind: "Pod" is not one of Model, Runtime'],
    [{ ...good, spce: {} }, 'spce: unknown field'],
    [{ ...good, metadata: undefined }, 'metadata.name: is required'],
    [{ ...good, metadata: null }, 'metadata.name: is required'],
    [{ ...good, metadata: ['name'] }, 'metadata.name: is required'],
    [{ ...good, metadata: { namespace: 'ml' } }, 'metadata.name: is required'],
    [{ ...good, metadata: { name: 7 } }, 'metadata.name: is required'],
    [{ ...good, metadata: { name: 'qwen', namespace: 7 } }, 'metadata.namespace: must be of type string'],
  ])('%j is refused: %s', (read, sentence) => expect(toWish(read)).toBe(sentence))

  it.each(['Model', 'Runtime'])('of a %s is wanted as it was written, its status left out', kind =>
    expect(toWish({ ...good, kind, status: { phase: 'Ready' } })).toStrictEqual({
      kind,
      namespace: 'ml',
      name: 'qwen',
      spec: { a: 1 },
      annotations: {},
      labels: {},
    }),
  )

  it('without a namespace is in default, or in the one that was asked for', () => {
    const read = { ...good, metadata: { name: 'qwen' } }
    expect(toWish(read)).toMatchObject({ namespace: 'default', name: 'qwen' })
    expect(toWish(read, 'team')).toMatchObject({ namespace: 'team', name: 'qwen' })
    expect(toWish(good, 'team')).toMatchObject({ namespace: 'ml' })
  })

  it.each<[unknown, object]>([
    [{ a: 'x', b: 7, c: null }, { a: 'x' }],
    [null, {}],
    ['text', {}],
    [['x'], {}],
  ])('keeps of annotations and labels %j the texts', (map, wanted) =>
    expect(toWish({ ...good, metadata: { ...good.metadata, annotations: map, labels: map } })).toMatchObject({
      annotations: wanted,
      labels: wanted,
    }),
  )
})
