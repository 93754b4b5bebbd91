// What other programs have put on a disk, found, adopted, served and given back: no byte of it is fetched, moved or deleted.
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelStatus } from '../../src/domain/model.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { ollamaLayers, type TinyModel, writeOllamaStore } from '../stand-ins/tiny-model.ts'
import { askWho } from './ask-who.ts'
import { type HostScene, openHostScene } from './host-scene.ts'

const answers = { alpha: 'I was here before.', gamma: 'So was I.' }
const weights = 3_000_000
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

/** As the Hub's client leaves a repository: bytes under their digest, links of their names, the branch by its commit. */
const writeHubCache = (cache: string, repo: string, { folder, files }: TinyModel, commit: string): void => {
  const at = (...names: string[]): string => join(cache, `models--${repo.replace('/', '--')}`, ...names)
  for (const name of ['blobs', 'refs', join('snapshots', commit)]) mkdirSync(at(name), { recursive: true })
  writeFileSync(at('refs', 'main'), commit)
  for (const name of files) {
    const blob = at('blobs', sha256(join(folder, name)))
    const shown = at('snapshots', commit, name)
    copyFileSync(join(folder, name), blob)
    symlinkSync(relative(dirname(shown), blob), shown)
  }
}

/** Each name with what a touch would change; what Switchyard keeps beside them is no byte of theirs. */
const look = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => !name.split('/').includes('.switchyard'))
    .map(name => ({ name, path: join(folder, name), ...lstatSync(join(folder, name)) }))
    .filter(({ path }) => !lstatSync(path).isDirectory())
    .map(({ name, path, ino, mtimeMs, nlink }) => {
      const bytes = lstatSync(path).isSymbolicLink() ? readlinkSync(path) : sha256(path)
      return `${name} ${ino} ${mtimeMs} ${nlink} ${bytes}`
    })
    .sort()

describe('Models that other programs have put on this machine', () => {
  const ports = { gpu: 0, own: 0, empty: 0 }
  let home: string
  let scene: HostScene
  let before: readonly string[]
  const cacheOf = (...names: string[]) => join(home, '.cache', 'huggingface', ...names)
  const storeOf = (...names: string[]) => join(home, '.ollama', 'models', ...names)
  const lookAtTheirs = () => [...look(cacheOf()), ...look(storeOf())]

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'switchyard-home-'))
    scene = await openHostScene({
      models: [
        { name: 'alpha', answer: answers.alpha, padBytes: weights, forms: ['huggingFace'] },
        { name: 'gamma', answer: answers.gamma, padBytes: weights, forms: ['gguf'] },
      ],
      engine: { HOME: home },
    })
    writeHubCache(cacheOf('hub'), 'tiny/alpha', scene.model('alpha'), scene.hub.commitOf('tiny/alpha'))
    writeOllamaStore(storeOf(), 'library/gamma', ollamaLayers(scene.model('gamma')))
    before = lookAtTheirs()
    for (const name of ['gpu', 'own', 'empty'] as const) ports[name] = await freePort()
    await scene.begin()
  })
  afterAll(async () => {
    await scene?.close()
    rmSync(home, { recursive: true, force: true })
  })

  const done = (words: readonly string[]) => scene.done(words)
  const statusOf = async (name: string): Promise<ModelStatus> =>
    (JSON.parse(await done(['get', 'model', name, '-o', 'json'])) as { status: ModelStatus }).status
  const bytesSent = (): number =>
    [...scene.hub.requests, ...scene.registry.requests].reduce((sum, one) => sum + one.bytesSent, 0)
  const adviceFor = (engine: string, folder: string, place = folder): string =>
    `no Runtime looks into ${place}: one with engine ${engine} and storage.directory ${folder} uses what lies there`
  const aRuntime = (name: 'gpu' | 'own' | 'empty', engine: string, directory?: string) => ({
    apiVersion: 'switchyard.dev/v1alpha1',
    kind: 'Runtime',
    metadata: { name },
    spec: {
      engine,
      host: { port: ports[name] },
      switch: { drainSeconds: 1 },
      ...(directory ? { storage: { directory } } : {}),
    },
  })

  it('are found before any Runtime is there, with what to do, and changed by nobody', async () => {
    const { stdout, stderr } = await scene.machine.type(['discover'])
    expect(stdout).toMatch(/^hf:tiny\/alpha +\d.* yes +no +– +\S+\/\.cache\/huggingface\/hub$/m)
    expect(stdout).toMatch(/^ollama:gamma:latest +\d.* yes +no +– +\S+\/\.ollama\/models$/m)
    expect(stderr.split('\n')).toEqual([
      adviceFor('VLLM', cacheOf(), cacheOf('hub')),
      adviceFor('Ollama', storeOf()),
    ])
    expect(lookAtTheirs()).toEqual(before)
  })

  it('are not fetched once more because a Runtime was named that looks elsewhere', async () => {
    await scene.apply(
      aRuntime('gpu', 'VLLM', cacheOf()),
      aRuntime('own', 'Ollama', storeOf()),
      aRuntime('empty', 'VLLM'),
    )
    const refused = await scene.machine.type(['adopt', 'hf:tiny/alpha', '--on', 'empty'])
    expect(refused).toMatchObject({
      exitCode: 2,
      stderr: `switchyard: hf:tiny/alpha lies in ${cacheOf('hub')}, where runtime empty does not look: one with engine VLLM and storage.directory ${cacheOf()} uses what lies there`,
    })
    const unknown = await scene.machine.type(['adopt', 'hf:tiny/other', '--on', 'gpu'])
    expect(unknown).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/lies in none of .*: apply a Model/),
    })
    expect(await done(['get', 'models', '-o', 'name'])).toBe('')
  })

  it('are adopted, ready and served without a byte of them that is fetched', async () => {
    expect(await done(['discover'])).toMatch(/^hf:tiny\/alpha +\d.* yes +no +gpu +/m)
    await done(['adopt', 'hf:tiny/alpha', '--on', 'gpu'])
    await done(['adopt', 'ollama:gamma:latest', '--on', 'own', '--name', 'gamma'])
    for (const [name, runtime] of [
      ['alpha', 'gpu'],
      ['gamma', 'own'],
    ] as const) {
      await scene.until(`${name} is ready`, async () => (await statusOf(name)).phase === 'Ready')
      expect((await statusOf(name)).copies).toMatchObject([{ origin: 'Adopted', runtimes: [runtime] }])
      await done(['activate', name, '--on', runtime, '--wait', '60'])
      expect(await askWho(ports[runtime])).toBe(answers[name])
    }
    expect(await done(['discover'])).toMatch(/^ollama:gamma:latest +\d.* yes +adopted +own +/m)
    // What a model can is read from its small files and the head of its weights, before anybody looks what is there.
    expect(bytesSent()).toBeLessThan(weights / 10)
    expect(lookAtTheirs()).toEqual(expect.arrayContaining([...before]))
  })

  it('are hashed again when that is asked for, and stay adopted', async () => {
    for (const name of ['alpha', 'gamma']) {
      await done(['verify', name])
      await scene.until(`${name} is verified`, async () => {
        const { lastHandled, phase } = await statusOf(name)
        return lastHandled?.verify !== undefined && phase === 'Ready'
      })
      expect((await statusOf(name)).copies).toMatchObject([{ origin: 'Adopted' }])
    }
    expect(bytesSent()).toBeLessThan(weights / 10)
    expect(lookAtTheirs()).toEqual(expect.arrayContaining([...before]))
  })

  it('are left as they were when their Models are deleted', async () => {
    for (const name of ['gpu', 'own']) await done(['delete', `runtime/${name}`, '--wait', '60'])
    for (const name of ['alpha', 'gamma']) await done(['delete', `model/${name}`, '--wait', '60'])
    // The one name that is ours: the alias under which the Ollama was asked.
    const isOurs = (line: string): boolean => line.startsWith('manifests/registry.ollama.ai/library/active/')
    expect(lookAtTheirs().filter(line => !isOurs(line))).toEqual(before)
    expect((await scene.machine.type(['get', 'models', '-o', 'name'])).stdout).toBe('')
  })
})
