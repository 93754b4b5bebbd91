// Pruning: what left the manifests folder is deleted when that is asked for, and only when its leaving is certain.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ManifestPrune } from '../../../src/platform/host/manifest-prune.ts'
import { Manifests } from '../../../src/platform/host/manifests.ts'
import { aFolder, openParts } from './host-parts.ts'

const aModel = (name: string): string =>
  `apiVersion: switchyard.dev/v1alpha1\nkind: Model\nmetadata: { name: ${name} }\nspec: { source: { huggingFace: { repo: org/${name} } } }\n`

const closes: (() => void)[] = []
afterEach(() => {
  for (const close of closes.splice(0)) close()
})

const openPruned = () => {
  const { folder, remove } = aFolder()
  const { database, people, objects, store } = openParts(folder)
  const manifestsFolder = join(folder, 'manifests')
  mkdirSync(manifestsFolder)
  const at = (name: string): string => join(manifestsFolder, name)
  for (const name of ['one', 'two']) writeFileSync(at(`${name}.yaml`), aModel(name))
  let time = 0
  const said: string[] = []
  const prune = new ManifestPrune({ people, objects, onPruned: text => said.push(text), now: () => time })
  const manifests = new Manifests({ people, folder: manifestsFolder, prune, onRefused: () => undefined })
  manifests.stop()
  closes.push(() => {
    database.close()
    remove()
  })
  const names = () =>
    store
      .listModels('default')
      .map(({ metadata }) => metadata.name)
      .sort()
  /** Looks now, and again after some time. */
  const pass = (seconds: number): void => {
    manifests.look()
    time += seconds * 1_000
    manifests.look()
  }
  return { folder, at, manifestsFolder, people, store, objects, names, pass, said }
}

describe('What left the manifests folder', () => {
  it('is deleted after half a minute, and that is told', () => {
    const { at, names, pass, said } = openPruned()
    rmSync(at('two.yaml'))
    pass(29)
    expect(names()).toEqual(['one', 'two'])
    pass(2)
    expect(names()).toEqual(['one'])
    expect(said).toEqual(['Model two left the manifests folder: it is deleted'])
  })

  it('as a document of a file that is still there, too', () => {
    const { at, names, pass } = openPruned()
    writeFileSync(at('one.yaml'), `${aModel('one')}---\n${aModel('three')}`)
    pass(0)
    expect(names()).toEqual(['one', 'three', 'two'])
    writeFileSync(at('one.yaml'), aModel('three'))
    pass(31)
    expect(names()).toEqual(['three', 'two'])
  })

  it('stays when it comes back in time, as with Git and editors', () => {
    const { at, names, pass } = openPruned()
    renameSync(at('two.yaml'), at('.two'))
    pass(20)
    renameSync(at('.two'), at('two.yaml'))
    pass(20)
    renameSync(at('two.yaml'), at('.two'))
    pass(20)
    expect(names()).toEqual(['one', 'two'])
  })

  it.each<[string, (at: (name: string) => string, folder: string) => void]>([
    ['the folder is missing', (_, folder) => rmSync(folder, { recursive: true })],
    [
      'the folder is empty, as under a mount that is not there',
      at => {
        for (const name of ['one', 'two']) rmSync(at(`${name}.yaml`))
      },
    ],
    [
      'a file cannot be read',
      at => {
        rmSync(at('two.yaml'))
        writeFileSync(at('one.yaml'), 'kind: [')
      },
    ],
  ])('stays while %s', (_, spoil) => {
    const { at, manifestsFolder, names, pass } = openPruned()
    spoil(at, manifestsFolder)
    pass(100)
    pass(100)
    expect(names()).toEqual(['one', 'two'])
  })

  it('stays when it came from elsewhere, or stood on another disk', () => {
    const { people, names, pass } = openPruned()
    const spec = { source: { huggingFace: { repo: 'org/mine' } } }
    people.apply({ kind: 'Model', namespace: 'default', name: 'mine', spec }, 'ann')
    const annotations = { 'switchyard.dev/manifests': 'disk-0' }
    people.apply({ kind: 'Model', namespace: 'default', name: 'other', spec, annotations }, 'manifests')
    pass(100)
    expect(names()).toEqual(['mine', 'one', 'other', 'two'])
  })
})
