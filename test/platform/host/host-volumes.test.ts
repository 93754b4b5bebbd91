// The Volumes part on a host: the contract, on folders; and what a cluster has no folder for.
import { chmodSync, mkdirSync, realpathSync, rmSync, statfsSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Runtime } from '../../../src/domain/object.ts'
import { createHostVolumes } from '../../../src/platform/host/host-volumes.ts'
import { type RuntimeWish, type VolumesWorld, volumesContract } from '../../contracts/volumes-contract.ts'
import { aFolder, openParts, pass } from './host-parts.ts'

const namespace = 'default'

const openVolumes = () => {
  const { folder, remove } = aFolder()
  const { database, people, store } = openParts(folder)
  const modelsFolder = join(folder, 'models')
  mkdirSync(modelsFolder)
  const at = (claim: string): string => join(folder, claim)
  const wished = (name: string, spec: object): Runtime => {
    people.apply({ kind: 'Runtime', namespace, name, spec }, 'person')
    const runtime = store.getRuntime({ namespace, name })
    if (!runtime) throw new Error(`${name} is not there`)
    return runtime
  }
  const world: VolumesWorld = {
    namespace,
    pass,
    volumes: createHostVolumes({ store, modelsFolder }),
    claim: async name => mkdirSync(at(name)),
    removeClaim: async name => rmSync(at(name), { recursive: true }),
    runtime: async (name, { engine = 'VLLM', madeOn, quota }: RuntimeWish = {}) =>
      wished(name, {
        engine,
        host: {},
        storage: { ...(madeOn ? { directory: at(madeOn) } : {}), ...(quota ? { quota } : {}) },
      }),
    where: claim => {
      const [device, path] = [`disk-${statSync(folder).dev}`, join(realpathSync(folder), claim)]
      return { key: `${namespace}/${device}/${path}`, claim: device, subPath: path }
    },
    sizeOf: claim => statfsSync(at(claim)).blocks * statfsSync(at(claim)).bsize,
  }
  const close = () => {
    database.close()
    remove()
  }
  return { world, at, wished, modelsFolder, close }
}

describe('folders of a host', () => {
  const { world, at, wished, modelsFolder, close } = openVolumes()
  afterAll(close)

  volumesContract(() => world)

  const find = (name: string, spec: object) => world.volumes.find(wished(name, spec))

  it('3.1 a Runtime that names no folder has the one of the settings', () => {
    const found = find('standard', { engine: 'VLLM', host: {} })
    expect(found).toMatchObject({ mountPath: realpathSync(modelsFolder) })
  })

  it('3.1 a folder is the same volume under every path that leads to it', () => {
    mkdirSync(at('real'))
    symlinkSync(at('real'), at('link'))
    const [real, link] = ['real', 'link'].map(name =>
      find(name, { engine: 'VLLM', host: {}, storage: { directory: at(name) } }),
    )
    expect(link).toMatchObject({ mountPath: realpathSync(at('real')), runtimes: ['link', 'real'] })
    expect([link && 'key' in link && link.key]).toEqual([real && 'key' in real && real.key])
  })

  it('3.1 an Ollama that is not ours needs its store named, and that is the store itself', () => {
    const host = { url: 'http://127.0.0.1:11434' }
    const unknown = find('foreign', { engine: 'Ollama', host })
    expect(unknown).toMatchObject({
      reason: 'StoreNotOnVolume',
      message: expect.stringContaining('spec.storage.directory'),
    })
    mkdirSync(at('store'))
    const path = realpathSync(at('store'))
    expect(find('foreign', { engine: 'Ollama', host, storage: { directory: at('store') } })).toMatchObject({
      layout: { root: path, kind: 'OllamaStore', path },
    })
  })

  it('3.1 a folder that is the cache or the store of another program is used as it is', () => {
    for (const name of [
      'cache/models--acme--tiny',
      'old/blobs',
      'old/manifests',
      'mine/hub',
      'mine/models--x',
    ])
      mkdirSync(at(name), { recursive: true })
    const pathOf = (name: string, engine: string, directory: string) => {
      const found = find(name, { engine, host: {}, storage: { directory: at(directory) } })
      return 'layout' in found ? found.layout.path : found
    }
    expect(pathOf('in-cache', 'VLLM', 'cache')).toBe(realpathSync(at('cache')))
    expect(pathOf('in-store', 'Ollama', 'old')).toBe(realpathSync(at('old')))
    expect(pathOf('vllm-in-store', 'VLLM', 'old')).toBe(`${realpathSync(at('old'))}/hub`)
    expect(pathOf('in-mine', 'VLLM', 'mine')).toBe(`${realpathSync(at('mine'))}/hub`)
  })

  it('3.1 what is no folder is a Problem', () => {
    expect(find('null', { engine: 'VLLM', host: {}, storage: { directory: '/dev/null' } })).toMatchObject({
      reason: 'ClaimNotFound',
    })
  })

  const isRoot = process.getuid?.() === 0
  if (isRoot) console.log('a folder that we may not write to is not tried: root may write everywhere')
  it.skipIf(isRoot)('3.1 a folder that we may not write to is a Problem', () => {
    mkdirSync(at('locked'))
    chmodSync(at('locked'), 0o500)
    expect(find('locked', { engine: 'VLLM', host: {}, storage: { directory: at('locked') } })).toMatchObject({
      reason: 'VolumeNotWritable',
    })
  })
})
