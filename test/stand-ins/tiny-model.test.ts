// The constructed model: sizes, determinism, and headers that a reader can check.
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ollamaLayers, type TinyModelOptions, writeTinyModel } from './tiny-model.ts'

const root = mkdtempSync(join(tmpdir(), 'tiny-model-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let made = 0
const write = (options: TinyModelOptions) => writeTinyModel(join(root, String(made++)), options)
const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex')

function safetensors(file: string) {
  const bytes = readFileSync(file)
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { data_offsets?: number[] }
  >
  const ends = Object.values(header).map(entry => entry.data_offsets?.[1] ?? 0)
  return { header, declared: 8 + length + Math.max(...ends), size: bytes.length }
}

describe('a constructed model', () => {
  it('written twice with the same options has the same bytes', () => {
    const [a, b] = [write({ name: 'alpha' }), write({ name: 'alpha' })]
    expect(readdirSync(a.folder).sort()).toEqual([...a.files].sort())
    for (const file of a.files) expect(sha256(join(a.folder, file))).toBe(sha256(join(b.folder, file)))
    expect(sha256(a.gguf)).toBe(sha256(b.gguf))
  })

  it('with another answer has other weights and says so in its header', () => {
    const [a, b] = [write({ name: 'alpha' }), write({ name: 'alpha', answer: 'Grüß Gott, ünïcode ☃' })]
    expect(sha256(a.gguf)).not.toBe(sha256(b.gguf))
    const { header } = safetensors(join(b.folder, 'model.safetensors'))
    expect(header['__metadata__']).toMatchObject({ switchyard_answer: 'Grüß Gott, ünïcode ☃' })
  })

  it.each([5_000_001, 30_000_000])('padded to %i bytes has weights of exactly that size', padBytes => {
    const model = write({ name: 'padded', padBytes, shards: 3 })
    const shards = model.files.filter(file => file.endsWith('.safetensors'))
    expect(shards).toHaveLength(3)
    const read = shards.map(shard => safetensors(join(model.folder, shard)))
    expect(read.reduce((sum, shard) => sum + shard.size, 0)).toBe(padBytes)
    for (const shard of read) expect(shard.declared).toBe(shard.size)
    expect(statSync(model.gguf).size).toBe(padBytes)
  })

  it('without a chat template carries none anywhere', () => {
    const model = write({ name: 'base', chatTemplate: false })
    expect(model.files).not.toContain('chat_template.jinja')
    expect(readFileSync(join(model.folder, 'tokenizer_config.json'), 'utf8')).not.toContain('chat_template')
  })

  it('with a fault keeps it in config.json', () => {
    const model = write({ name: 'broken', fault: 'load-fails', repeat: 5 })
    expect(JSON.parse(readFileSync(join(model.folder, 'config.json'), 'utf8'))).toMatchObject({
      switchyard_fault: 'load-fails',
    })
    expect(model.answer).toBe('I am broken. 1 2 3 4 5')
  })

  it('as an Ollama image names each blob by its digest and its manifest by its bytes', () => {
    const image = ollamaLayers(write({ name: 'alpha' }))
    expect(image.layers.map(layer => layer.mediaType.split('.').pop())).toEqual([
      'model',
      'template',
      'params',
    ])
    for (const [digest, content] of image.blobs)
      expect(`sha256:${createHash('sha256').update(content.bytes()).digest('hex')}`).toBe(digest)
    expect(createHash('sha256').update(image.manifest).digest('hex')).toBe(image.digest)
  })
})
