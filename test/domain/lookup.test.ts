// Which object a word of a person means: a name goes before a source, and no other namespace is looked into.
import { describe, expect, it } from 'vitest'
import { findMeant } from '../../src/domain/lookup.ts'
import type { Model, Runtime } from '../../src/domain/object.ts'
import { aModel, aRuntime } from '../builders/seen.ts'

const named = (name: string, source: object, namespace = 'ai') =>
  aModel({ metadata: { namespace, name }, spec: { source } })

const objects: readonly (Model | Runtime)[] = [
  named('small', { huggingFace: { repo: 'Qwen/Qwen' } }),
  named('same', { huggingFace: { repo: 'Qwen/Qwen' } }),
  named('llama', { ollama: { name: 'llama3.2:3b' } }),
  named('phi', { ollama: { name: 'llama' } }),
  named('disk', { local: { path: 'kept/disk' } }),
  named('far', { huggingFace: { repo: 'Qwen/Qwen' } }, 'other'),
  aRuntime({ metadata: { namespace: 'ai', name: 'gpu' } }),
]

describe('A word', () => {
  it.each([
    ['ai', 'small', ['small']],
    ['ai', 'gpu', ['gpu']],
    ['ai', 'Qwen/Qwen', ['small', 'same']],
    ['other', 'Qwen/Qwen', ['far']],
    ['ai', 'llama3.2:3b', ['llama']],
    ['ai', 'llama', ['llama']],
    ['ai', 'kept/disk', ['disk']],
    ['other', 'small', []],
    ['ai', 'nothing', []],
  ])('in %s, %s, means %j', (namespace, name, wanted) =>
    expect(findMeant(objects, { namespace, name }).map(({ metadata }) => metadata.name)).toEqual(wanted),
  )
})
