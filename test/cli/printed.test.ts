// What the commands print, as files: a change of a word is seen in the review. UPDATE_GOLDEN=1 writes them anew.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { show } from './cli-scene.ts'

const rows: readonly (readonly [file: string, ...words: string[]])[] = [
  ['get', 'get'],
  ['get-wide', 'get', 'models', '-o', 'wide'],
  ['get-all-namespaces', 'get', 'runtimes', '-A'],
  ['get-names', 'get', '-o', 'name'],
  ['get-yaml', 'get', 'model/secret', '-o', 'yaml'],
  ['status', 'status'],
  ['describe-runtime', 'describe', 'gpu-a'],
  ['describe-model', 'describe', 'model', 'qwen'],
  ['describe-failed', 'describe', 'org/secret'],
  ['dry-run-verified', 'activate', 'qwen', '--on', 'gpu-b', '--dry-run'],
  ['dry-run-downloading', 'activate', 'org/llama', '--on', 'gpu-a', '--dry-run'],
  ['dry-run-hindered', 'activate', 'qwen', '--on', 'gpu-c', '--dry-run'],
  ['dry-run-nothing', 'activate', 'qwen', '--on', 'gpu-a', '--dry-run'],
  ['events', 'events'],
  ['explain', 'explain', 'gated'],
]

describe('what is printed', () => {
  it.each(rows)('%s', async (file, ...words) => {
    const { exitCode, out, err } = await show(words)
    const path = join(import.meta.dirname, 'golden', `${file}.txt`)
    if (process.env['UPDATE_GOLDEN']) {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, out)
    }
    expect([exitCode, err]).toEqual([0, ''])
    expect(out).toBe(readFileSync(path, 'utf8'))
    expect(out).not.toContain('\x1b')
  })
})
