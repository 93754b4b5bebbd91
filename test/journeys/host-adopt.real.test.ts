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
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import type { ModelStatus } from '../../src/domain/model.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { filesOfFolder, type Hub, startHub } from '../stand-ins/hub.ts'
import { type Registry, startRegistry } from '../stand-ins/registry.ts'
import { ollamaLayers, type TinyModel, writeOllamaStore, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { askWho } from './ask-who.ts'
import { openMachine } from './host-daemon.ts'

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
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-models-'))
  const home = join(folder, 'home')
  const ports = { gpu: 0, own: 0, empty: 0 }
  let hub: Hub
  let registry: Registry
  let machine: Awaited<ReturnType<typeof openMachine>>
  let daemon: ReturnType<typeof machine.begin>
  let before: readonly string[]
  const cacheOf = (...names: string[]) => join(home, '.cache', 'huggingface', ...names)
  const storeOf = (...names: string[]) => join(home, '.ollama', 'models', ...names)
  const lookAtTheirs = () => [...look(cacheOf()), ...look(storeOf())]

  beforeAll(async () => {
    const alpha = writeTinyModel(join(folder, 'alpha'), {
      name: 'alpha',
      answer: answers.alpha,
      padBytes: weights,
      forms: ['huggingFace'],
    })
    const gamma = ollamaLayers(
      writeTinyModel(join(folder, 'gamma'), {
        name: 'gamma',
        answer: answers.gamma,
        padBytes: weights,
        forms: ['gguf'],
      }),
    )
    hub = await startHub({ repos: [{ id: 'tiny/alpha', files: filesOfFolder(alpha.folder) }] })
    registry = await startRegistry({ models: { 'library/gamma:latest': gamma } })
    machine = await openMachine({ hubUrl: hub.url, registryUrl: registry.url, engine: { HOME: home } })
    writeHubCache(cacheOf('hub'), 'tiny/alpha', alpha, hub.commitOf('tiny/alpha'))
    writeOllamaStore(storeOf(), 'library/gamma', gamma)
    before = lookAtTheirs()
    for (const name of ['gpu', 'own', 'empty'] as const) ports[name] = await freePort()
    daemon = machine.begin()
    await until('it runs', () => machine.starts() > 0)
  })
  afterAll(async () => {
    daemon?.kill('SIGKILL')
    await daemon
    machine?.close()
    await hub?.close()
    await registry?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const until = async (what: string, holds: () => unknown | Promise<unknown>): Promise<void> => {
    for (const end = Date.now() + 90_000; Date.now() < end; await sleep(50)) if (await holds()) return
    throw new Error(`not seen: ${what}\n${machine.log()}`)
  }
  const done = async (words: readonly string[], input?: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await machine.type(words, input)
    expect(exitCode, `switchyard ${words.join(' ')}\n${stdout}\n${stderr}\n${machine.log()}`).toBe(0)
    return stdout
  }
  const statusOf = async (name: string): Promise<ModelStatus> =>
    (JSON.parse(await done(['get', 'model', name, '-o', 'json'])) as { status: ModelStatus }).status
  const bytesSent = (): number =>
    [...hub.requests, ...registry.requests].reduce((sum, one) => sum + one.bytesSent, 0)
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
    const { stdout, stderr } = await machine.type(['discover'])
    expect(stdout).toMatch(/^hf:tiny\/alpha +\d.* yes +no +– +\S+\/\.cache\/huggingface\/hub$/m)
    expect(stdout).toMatch(/^ollama:gamma:latest +\d.* yes +no +– +\S+\/\.ollama\/models$/m)
    expect(stderr.split('\n')).toEqual([
      adviceFor('VLLM', cacheOf(), cacheOf('hub')),
      adviceFor('Ollama', storeOf()),
    ])
    expect(lookAtTheirs()).toEqual(before)
  })

  it('are not fetched once more because a Runtime was named that looks elsewhere', async () => {
    await done(
      ['apply', '-f', '-'],
      [aRuntime('gpu', 'VLLM', cacheOf()), aRuntime('own', 'Ollama', storeOf()), aRuntime('empty', 'VLLM')]
        .map(one => stringify(one))
        .join('---\n'),
    )
    const refused = await machine.type(['adopt', 'hf:tiny/alpha', '--on', 'empty'])
    expect(refused).toMatchObject({
      exitCode: 2,
      stderr: `switchyard: hf:tiny/alpha lies in ${cacheOf('hub')}, where runtime empty does not look: one with engine VLLM and storage.directory ${cacheOf()} uses what lies there`,
    })
    const unknown = await machine.type(['adopt', 'hf:tiny/other', '--on', 'gpu'])
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
      await until(`${name} is ready`, async () => (await statusOf(name)).phase === 'Ready')
      expect((await statusOf(name)).copies).toMatchObject([{ origin: 'Adopted', runtimes: [runtime] }])
      await done(['activate', name, '--on', runtime, '--wait', '60'])
      expect(await askWho(ports[runtime])).toBe(answers[name])
    }
    expect(await done(['discover'])).toMatch(/^ollama:gamma:latest +\d.* yes +adopted +own +/m)
    // What a model can is read from its small files and the head of its weights, before anybody looks what is there.
    expect(bytesSent()).toBeLessThan(weights / 10)
    expect(lookAtTheirs()).toEqual(expect.arrayContaining([...before]))
  })

  it('are left as they were when their Models are deleted', async () => {
    for (const name of ['gpu', 'own']) await done(['delete', `runtime/${name}`, '--wait', '60'])
    for (const name of ['alpha', 'gamma']) await done(['delete', `model/${name}`, '--wait', '60'])
    // The one name that is ours: the alias under which the Ollama was asked.
    const isOurs = (line: string): boolean => line.startsWith('manifests/registry.ollama.ai/library/active/')
    expect(lookAtTheirs().filter(line => !isOurs(line))).toEqual(before)
    expect((await machine.type(['get', 'models', '-o', 'name'])).stdout).toBe('')
  })
})
