// The hash of a recipe stands on running engines, so it must not change from release to release.
import { expect, it } from 'vitest'
import { createOllama } from '../../src/engines/ollama.ts'
import { createVllm } from '../../src/engines/vllm.ts'
import { aWish } from '../contracts/engine-contract.ts'

const wish = aWish({
  modelName: 'qwen',
  path: '/models/hub/models--q/snapshots/abc/',
  ollamaName: 'llama3.2:3b',
})

it('a recipe keeps its hash from release to release', () => {
  expect(createVllm({ fetch }).recipe(wish).hash).toBe('08b32adab3521c59')
  expect(createOllama({ fetch }).recipe(wish).hash).toBe('9c7849d5ed3c8ece')
})
