import { describe, expect, it } from 'vitest'
import {
  parseOllamaName,
  toDigest,
  toEndpoint,
  toRepoId,
  toRepoPath,
  toRevision,
} from '../../src/domain/names.ts'

const hostile = ['../etc', 'a/../b', '-rf', '/etc/passwd', 'a//b', 'a\0b', 'a b\n', '', 'a'.repeat(600)]

describe('A hostile word', () => {
  it.each([
    ['repository', toRepoId],
    ['revision', toRevision],
    ['digest', toDigest],
  ] as const)('is refused as a %s', (_, parse) => {
    for (const word of hostile) expect(() => parse(word)).toThrow()
  })

  it('is refused as a file of a repository', () => {
    for (const word of ['../x', 'a/../../x', '/x', 'a\\b', 'C:/x', '.', 'a//b', 'a\0'])
      expect(() => toRepoPath(word)).toThrow(/not a safe file name/)
  })

  it('stands in the message in printable form only', () => {
    expect(() => toRepoId('ev\u001b[31mil')).toThrow(/\\u001b/)
  })

  it('is refused as an endpoint when it carries a user, a query or another scheme', () => {
    for (const word of ['ftp://h', 'http://u:p@h', 'http://h?x', 'http://h#x', 'h'])
      expect(() => toEndpoint(word)).toThrow()
    expect(toEndpoint('https://hub.example/')).toBe('https://hub.example')
  })
})

describe('An honest word', () => {
  it('passes unchanged', () => {
    expect(toRepoId('Qwen/Qwen2.5-7B-Instruct')).toBe('Qwen/Qwen2.5-7B-Instruct')
    expect(toRevision('refs/pr/1')).toBe('refs/pr/1')
    expect(toRepoPath('sub folder/model-00001.safetensors')).toBe('sub folder/model-00001.safetensors')
  })

  it.each([
    ['llama3.2', { registry: 'registry.ollama.ai', namespace: 'library', model: 'llama3.2', tag: 'latest' }],
    ['me/own:q4', { registry: 'registry.ollama.ai', namespace: 'me', model: 'own', tag: 'q4' }],
    [
      'reg.example:5000/me/own:1b',
      { registry: 'reg.example:5000', namespace: 'me', model: 'own', tag: '1b' },
    ],
  ])('%s is split as Ollama splits it', (name, parts) => {
    expect(parseOllamaName(name)).toEqual(parts)
  })
})
