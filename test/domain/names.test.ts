import { describe, expect, it } from 'vitest'
import {
  parseOllamaName,
  show,
  toCommit,
  toDigest,
  toEndpoint,
  toLocalPath,
  toOllamaName,
  toPodAddress,
  toRepoId,
  toRepoPath,
  toRevision,
} from '../../src/domain/names.ts'

const hostile = ['../etc', 'a/../b', '-rf', '/etc/passwd', 'a//b', 'a\0b', 'a b\n', '', 'a'.repeat(600)]

describe('A hostile word', () => {
  it.each([
    ['repository', toRepoId],
    ['revision', toRevision],
    ['commit', toCommit],
    ['digest', toDigest],
    ['Ollama name', toOllamaName],
  ] as const)('is refused as a %s', (_, parse) => {
    for (const word of hostile) expect(() => parse(word)).toThrow()
  })

  it('is refused as a file of a repository', () => {
    const long = Array.from({ length: 5 }, () => 'é'.repeat(120)).join('/')
    for (const word of [
      '../x',
      'a/../../x',
      '/x',
      'a\\b',
      'C:/x',
      'z:x',
      '.',
      'a/.',
      'a//b',
      'a\0',
      'a\x7f',
      long,
    ])
      expect(() => toRepoPath(word)).toThrow(/not a safe file name/)
  })

  it('stands in the message in printable form only', () => {
    expect(() => toRepoId('ev\u001b[31mil')).toThrow(/\\u001b/)
    expect(show('é~ \x7f')).toBe('"\\u00e9~ \\u007f"')
    expect(show('x'.repeat(99))).toBe(`"${'x'.repeat(60)}"`)
  })

  it.each([
    ['repo: "-x" is not a repository id', () => toRepoId('-x')],
    ['revision: "-x" is not a branch', () => toRevision('-x')],
    ['commit: "A" is not a commit', () => toCommit('A')],
    ['digest: "sha256:0" is not sha256:', () => toDigest('sha256:0')],
    ['name: "-x" is not an Ollama name', () => toOllamaName('-x')],
    ['name: "-x" is not an Ollama name', () => parseOllamaName('-x')],
    ['path: "/x" is not a folder of the volume', () => toLocalPath('/x')],
    ['path: "a/./b" is not a folder of the volume', () => toLocalPath('a/./b')],
    ['path: ".switchyard" is not a folder of the volume', () => toLocalPath('.switchyard')],
    ['path: "/x" is not a safe file name', () => toRepoPath('/x')],
    ['endpoint: "h" is not an http(s) address', () => toEndpoint('h')],
    ['address: "h" is not the address of a pod', () => toPodAddress('h')],
    ['spec.source.repo: "-x" is not', () => toRepoId('-x', 'spec.source.repo')],
  ])('is refused with its field: %s', (message, parse) => {
    expect(parse).toThrow(message)
  })

  it.each([
    ['..', /InvalidName|not a branch/],
    ['a/..', /not a branch/],
    ['a/./b', /not a branch/],
    ['./a', /not a branch/],
    ['a/.', /not a branch/],
    ['a..b', /not a branch/],
    ['a//b', /not a branch/],
  ])('is refused as a revision that climbs: %s', (word, message) => {
    expect(() => toRevision(word)).toThrow(message)
  })

  it('is refused as a commit or digest of another length, case or with something around it', () => {
    const [forty, sixtyFour] = ['a'.repeat(40), 'b'.repeat(64)]
    for (const word of [`${forty}a`, ` ${forty}`, forty.slice(1), forty.toUpperCase()])
      expect(() => toCommit(word)).toThrow()
    for (const word of [`sha256:${sixtyFour}b`, `xsha256:${sixtyFour}`, `sha256:${sixtyFour.toUpperCase()}`])
      expect(() => toDigest(word)).toThrow()
    expect(toCommit(forty)).toBe(forty)
    expect(toDigest(`sha256:${sixtyFour}`)).toBe(`sha256:${sixtyFour}`)
  })

  it.each([
    'https://10.0.0.1:8000',
    'http://10.0.0.1',
    'http://vllm.ai:8000',
    'http://10.0.0.1:8000/x',
    'xhttp://10.0.0.1:8000',
    'http://10.0.0.1:8000\n',
    'http://10.0.0.1:123456',
    'http://10.0.0.1:99999',
    'http://10.0.0.999:80',
    'http://010.0.0.1:80',
    'http://169.254.169.254:80',
    'http://0.0.0.0:80',
    'http://[fe80::1]:80',
    'http://[fe90::1]:80',
    'http://[fea0::1]:80',
    'http://[feb0::1]:80',
    'http://[::ffff:a00:1]:80',
    'http://[fd00::1]',
  ])('is refused as the address of a pod: %s', word => {
    expect(() => toPodAddress(word)).toThrow(/is not the address of a pod/)
  })

  it('is refused as an endpoint when it carries a user, a query or another scheme', () => {
    const bad = [
      'ftp://h',
      'xhttp://h',
      'httpss://h',
      'http://u:p@h',
      'http://u@h',
      'http://:p@h',
      'http://h?x',
    ]
    for (const word of [...bad, 'http://h#x', 'h', 'http://h/a b', 'http://hé', ' http://h'])
      expect(() => toEndpoint(word)).toThrow()
    expect(toEndpoint('https://hub.example/')).toBe('https://hub.example')
    expect(toEndpoint('http://hub.example/a//')).toBe('http://hub.example/a')
    expect(toEndpoint('http://hub.example/a/b')).toBe('http://hub.example/a/b')
  })
})

describe('An honest word', () => {
  it('of the address of a pod passes, also in version 6', () => {
    expect(toPodAddress('http://10.0.0.1:8000')).toBe('http://10.0.0.1:8000')
    expect(toPodAddress('http://[fd00:1::1]:80')).toBe('http://[fd00:1::1]:80')
  })

  it('passes unchanged', () => {
    expect(toRepoId('Qwen/Qwen2.5-7B-Instruct')).toBe('Qwen/Qwen2.5-7B-Instruct')
    expect(toRevision('refs/pr/1')).toBe('refs/pr/1')
    expect(toRepoPath('sub folder/model-00001.safetensors')).toBe('sub folder/model-00001.safetensors')
    expect(toRepoPath('..a/b..c/CC:d')).toBe('..a/b..c/CC:d')
    expect(toRepoPath('a'.repeat(255))).toHaveLength(255)
    expect(toRepoPath(['a', 'b', 'c', 'd'].map(c => c.repeat(255)).join('/'))).toHaveLength(1023)
    expect(toRevision('v1.0')).toBe('v1.0')
    expect(toRevision('a/.b')).toBe('a/.b')
    expect(toOllamaName('me/own:q4')).toBe('me/own:q4')
    expect(toRepoId('gpt2')).toBe('gpt2')
  })

  it.each([
    ['llama3.2', { registry: 'registry.ollama.ai', namespace: 'library', model: 'llama3.2', tag: 'latest' }],
    ['me/own:q4', { registry: 'registry.ollama.ai', namespace: 'me', model: 'own', tag: 'q4' }],
    ['reg.example/own', { registry: 'reg.example', namespace: 'library', model: 'own', tag: 'latest' }],
    ['localhost:5000/own', { registry: 'localhost:5000', namespace: 'library', model: 'own', tag: 'latest' }],
    [
      'reg.example:5000/me/own:1b',
      { registry: 'reg.example:5000', namespace: 'me', model: 'own', tag: '1b' },
    ],
  ])('%s is split as Ollama splits it', (name, parts) => {
    expect(parseOllamaName(name)).toEqual(parts)
  })
})
