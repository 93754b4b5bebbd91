// The figures of the printer columns.
import { describe, expect, it } from 'vitest'
import {
  displayModel,
  displayRuntime,
  showBytes,
  showSeconds,
  showSource,
} from '../../src/domain/crd-display.ts'
import { ModelSpec } from '../../src/domain/model.ts'
import { fromHub, fromOllama } from './crd-cases.ts'

describe('Figures for people', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [999_999, '999 kB'],
    [15_231_233_024, '15.2 GB'],
    [112_000_000, '112 MB'],
    [100_000_000, '100 MB'],
    [99_990_000, '99.9 MB'],
    [9_007_199_254_740_991, '9 PB'],
    [5e19, '50000 PB'],
  ])('%i bytes are shown as %s, never more than there is', (bytes, text) => {
    expect(showBytes(bytes)).toBe(text)
  })

  it.each([
    [0, '0s'],
    [59.6, '1m'],
    [130, '2m10s'],
    [3600, '1h'],
    [5430, '1h30m'],
  ])('%d seconds are shown as %s', (seconds, text) => {
    expect(showSeconds(seconds)).toBe(text)
  })

  it('a source is shown with where it comes from', () => {
    const shown = (source: object) => showSource({ source } as never)
    expect(shown({ local: { path: 'models/a' } })).toBe('local:models/a')
    expect(shown({ huggingFace: { repo: 'a/b' } })).toBe('hf:a/b')
    expect(shown({})).toBe('ollama:')
  })

  it('a Model that is not resolved shows only its source', () => {
    expect(displayModel(ModelSpec.parse(fromOllama('llama3.2:3b')), {})).toEqual({
      source: 'ollama:llama3.2:3b',
    })
  })

  it('a Model that downloads shows percent, size, speed and time to go', () => {
    const progress = {
      percent: 45,
      bytesDone: 45,
      bytesTotal: 100,
      bytesPerSecond: 112_000_000,
      etaSeconds: 130,
    }
    const resolved = { bytes: 15_231_233_024 } as never
    expect(displayModel(ModelSpec.parse(fromHub()), { progress, resolved })).toEqual({
      source: 'hf:Qwen/Qwen2.5-0.5B',
      size: '15.2 GB',
      progress: '45%',
      speed: '112 MB/s',
      eta: '2m10s',
    })
  })

  it('a Runtime shows what is expected only while it is known', () => {
    expect(displayRuntime({})).toBeUndefined()
    expect(displayRuntime({ switch: { expectedSeconds: 90 } as never })).toEqual({ expected: '1m30s' })
  })
})
