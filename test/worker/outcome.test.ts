// The last word of a work: it fits into a termination message, it has an exit code, and bad tasks get one too.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseProgressLine } from '../../src/domain/progress.ts'
import { parseWorkerResult } from '../../src/domain/worker-task.ts'
import { printResult, toFailure, WorkError } from '../../src/worker/outcome.ts'
import { Reporter } from '../../src/worker/reporter.ts'
import { openExchange, Watchdog } from '../../src/worker/transfer/wire.ts'
import { whyNotAsOther } from '../builders/other-user.ts'
import { quick, run } from './workplace.ts'

const resolution = {
  sourceHash: 'h',
  revision: 'a'.repeat(40),
  files: 1,
  bytes: 1,
  format: 'Safetensors' as const,
  listDigest: 'd',
}

describe('a result', () => {
  it('with a template that is too long for it keeps hash and path and drops the text', () => {
    const capabilities = {
      promptTemplate: '\u0001'.repeat(1024),
      promptTemplateSha256: 'f',
      promptTemplatePath: 'p',
    }
    const text = printResult({ resolution: { ...resolution, capabilities } })
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096)
    expect(parseWorkerResult(text)?.resolution?.capabilities).toEqual({
      promptTemplateSha256: 'f',
      promptTemplatePath: 'p',
    })
  })

  it('with a message of any length stays whole JSON of at most 4,096 bytes', () => {
    const { failure } = new WorkError('Unexpected', '☃'.repeat(100_000))
    const text = printResult({ failure })
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096)
    expect(parseWorkerResult(text)?.failure?.reason).toBe('Unexpected')
  })
})

describe('an error of the disk', () => {
  it.each([
    ['ENOSPC', 'NoSpace', 'WhenAble'],
    ['EROFS', 'VolumeNotWritable', 'WhenAble'],
    ['EIO', 'Volume', 'Never'],
    ['ESTALE', 'Volume', 'Later'],
    ['EWHAT', 'Unexpected', 'Later'],
  ])('%s is %s, tried again %s', (code, reason, retry) => {
    expect(toFailure(Object.assign(new Error('x'), { code }))).toMatchObject({ reason, retry })
  })
})

describe('a redirect from https to http', () => {
  it('is refused for good', async () => {
    const answer = async () =>
      new Response(null, { status: 302, headers: { location: 'http://a.example/x' } })
    const wire = { fetch: answer, signal: new AbortController().signal, retry: quick }
    const dog = new Watchdog(wire)
    const opened = openExchange(wire, dog, { url: 'https://a.example/', what: 'x' })
    await expect(opened).rejects.toMatchObject({ failure: { reason: 'SourceUnavailable', retry: 'Never' } })
    dog.end()
  })
})

describe('the command line', () => {
  const entry = join(import.meta.dirname, '../../src/worker/entry.ts')
  const script = `import { workerMain } from ${JSON.stringify(entry)}; process.exit(await workerMain(process.argv.slice(1)))`
  const main = (...words: string[]) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script, '--', ...words], { encoding: 'utf8' })

  it.each([
    ['no task', ['run']],
    ['a task that is no JSON', ['run', '--task', '{']],
    ['a task without its fields', ['run', '--task', '{"command":"resolve"}']],
    ['an unknown word', ['walk']],
    ['an unknown option', ['run', '--token', 'x']],
  ])('with %s ends with InvalidSpec and 10', (_, words) => {
    const { status, stdout } = main(...words)
    expect(parseWorkerResult(stdout)?.failure).toMatchObject({ reason: 'InvalidSpec', retry: 'Never' })
    expect(status).toBe(10)
  })
})

describe('a volume that the worker may not write to', () => {
  const hasSetpriv = spawnSync('setpriv', ['--version']).status === 0
  const why = whyNotAsOther() ?? (hasSetpriv ? undefined : 'there is no setpriv')
  if (why) console.log(`SKIPPED: a volume of another user: ${why}`)

  it.skipIf(why)('is named with uid and mode', () => {
    const root = mkdtempSync(join(tmpdir(), 'worker-closed-'))
    chmodSync(root, 0o755)
    const file = join(import.meta.dirname, '../../src/worker/layout/open-store.ts')
    const layout = JSON.stringify({ root, kind: 'HubCache', path: root })
    const probe = `import { probeVolume } from ${JSON.stringify(file)}
      await probeVolume(${layout}, 'owner').catch(error => console.log(JSON.stringify(error.failure)))`
    const words = ['--reuid=65532', '--clear-groups', process.execPath, '--input-type=module', '-e', probe]
    const failure = JSON.parse(execFileSync('setpriv', words, { encoding: 'utf8' }))
    rmSync(root, { recursive: true })
    expect(failure).toMatchObject({ reason: 'VolumeNotWritable', retry: 'WhenAble' })
    expect(failure.message).toContain('uid 65532')
    expect(failure.message).toContain('mode 0755')
  })
})

describe('a task that points outside its volume', () => {
  const source = { huggingFace: { repo: 'a/b', revision: 'main' } }
  const start = { command: 'verify' as const, source, sourceHash: 'h', revision: 'a'.repeat(40) }
  it.each([
    ['a path beside the root', { root: '/data', path: '/database' }, 'owner'],
    ['a path that climbs', { root: '/data', path: '/data/../etc' }, 'owner'],
    ['a relative root', { root: 'data', path: 'data/hub' }, 'owner'],
    ['an owner that is a path', { root: '/data', path: '/data/hub' }, '../x'],
  ])('by %s is InvalidSpec', async (_, paths, owner) => {
    const { code, result } = await run({ ...start, owner, layout: { kind: 'HubCache', ...paths } })
    expect(result.failure?.reason).toBe('InvalidSpec')
    expect(code).toBe(10)
  })
  it('by its kind of store is EngineCannotServe', async () => {
    const layout = { kind: 'HubCache' as const, root: '/data', path: '/data/hub' }
    const ollama = { ...start, source: { ollama: { name: 'tiny' } } }
    const { result } = await run({ ...ollama, owner: 'owner', layout })
    expect(result.failure).toMatchObject({ reason: 'EngineCannotServe', retry: 'Never' })
  })
})

describe('a source that cannot be one', () => {
  const start = { command: 'resolve' as const, owner: 'owner', sourceHash: 'h' }
  it.each([
    ['a repository that climbs', { huggingFace: { repo: '../x', revision: 'main' } }, 'InvalidName'],
    ['a revision that climbs', { huggingFace: { repo: 'a/b', revision: 'a/../b' } }, 'InvalidName'],
    ['an Ollama name that climbs', { ollama: { name: '../../x' } }, 'InvalidName'],
    ['two sources', { huggingFace: { repo: 'a/b', revision: 'main' }, ollama: { name: 'x' } }, 'InvalidSpec'],
    ['no source', {}, 'InvalidSpec'],
  ])('%s is refused without asking anybody', async (_, source, reason) => {
    const fetch = () => Promise.reject(new Error('asked'))
    const { result } = await run({ ...start, source }, { fetch })
    expect(result.failure).toMatchObject({ reason, retry: 'Never' })
  })
  it('an endpoint with a user in it is refused', async () => {
    const source = { huggingFace: { repo: 'a/b', revision: 'main' } }
    const { result } = await run({ ...start, source, hubEndpoint: 'https://u:p@hub.example' })
    expect(result.failure).toMatchObject({ reason: 'InvalidEndpoint', retry: 'Never' })
  })
})

describe('progress', () => {
  it('is printed at most once a second, and what is shown never goes down', async () => {
    const lines: string[] = []
    const reporter = new Reporter(line => lines.push(line))
    reporter.enter('Downloading', { bytesTotal: 1000 })
    for (let i = 0; i < 500; i++) reporter.count(i % 100)
    expect(lines).toHaveLength(1)
    await new Promise(resolve => setTimeout(resolve, 1100))
    reporter.end()
    expect(lines.length).toBeLessThanOrEqual(2)
    expect(parseProgressLine(lines[1] ?? '')?.bytesDone).toBe(99)
  })
})
