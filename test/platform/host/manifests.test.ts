// The manifests folder of a host: what is applied, what is told, what stays.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Transient } from '../../../src/domain/failure.ts'
import { Manifests } from '../../../src/platform/host/manifests.ts'
import { aFolder, openParts } from './host-parts.ts'

const head = (kind: string, name: string): string =>
  `apiVersion: switchyard.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\n`
const aModel = (name: string, revision = 'main'): string =>
  `${head('Model', name)}spec: { source: { huggingFace: { repo: org/${name}, revision: ${revision} } } }\n`

const openFolder = () => {
  const { folder, remove } = aFolder()
  const parts = openParts(folder)
  const manifestsFolder = join(folder, 'manifests')
  mkdirSync(manifestsFolder)
  const said: string[] = []
  const start = (people: Pick<typeof parts.people, 'apply'> = parts.people) => {
    const manifests = new Manifests({
      people,
      folder: manifestsFolder,
      onRefused: (_, sentence) => said.push(sentence),
    })
    manifests.stop()
    return manifests
  }
  const file = (name: string): string => join(manifestsFolder, name)
  const find = (name: string) => parts.store.getModel({ namespace: 'default', name })
  const close = () => {
    parts.database.close()
    remove()
  }
  return { ...parts, start, file, find, said, close }
}

describe('A folder of manifests', () => {
  const { start, file, find, said, close } = openFolder()
  afterAll(close)
  const manifests = start()
  const write = (name: string, text: string): void => {
    writeFileSync(file(name), text)
    said.length = 0
    manifests.look()
  }

  it('applies every document of every file', () => {
    write('some.yaml', `${aModel('one')}---\n---\n${aModel('two')}`)
    expect([find('one'), find('two')]).toMatchObject([{ kind: 'Model' }, { kind: 'Model' }])
    expect(find('one')?.metadata.specManager).toBe('manifests')
    expect(said).toEqual([])
  })

  it('applies a file again when it has changed, and writes nothing when it has not', () => {
    const before = find('one')
    manifests.look()
    expect(find('one')).toBe(before)
    write('some.yaml', `${aModel('one', 'v2')}---\n${aModel('two')}`)
    expect(find('one')?.metadata.generation).toBe(2)
    expect(find('two')?.metadata.generation).toBe(1)
  })

  it.each([
    ['no YAML', 'a: [', /./],
    ['another kind', `${head('Deployment', 'x')}`, /kind: "Deployment" is not one of Model, Runtime/],
    ['another group', 'apiVersion: v1\nkind: Model\n', /apiVersion: "v1" is not switchyard.dev\/v1alpha1/],
    ['no name', 'apiVersion: switchyard.dev/v1alpha1\nkind: Model\n', /metadata.name: is required/],
    ['a bad name', aModel('Upper'), /metadata.name must have at most 63 characters/],
    ['a bad spec', `${head('Model', 'x')}spec: { source: {} }\n`, /spec.source: exactly one of/],
    ['no spec', head('Model', 'x'), /Model x: spec: /],
    ['a field beside spec', `${aModel('x')}colour: red\n`, /colour: unknown field/],
    ['a list', '- 1\n', /no object/],
  ])('tells %s in one sentence and applies the document behind it', (what, text, sentence) => {
    const name = what.replaceAll(' ', '-').toLowerCase()
    write('bad.yaml', `${text}\n---\n${aModel(name)}`)
    expect(said).toEqual([expect.stringMatching(sentence)])
    expect(find('x')).toBeUndefined()
    // What is no YAML may take the rest of its file with it.
    if (what !== 'no YAML') expect(find(name)).toBeDefined()
  })

  it('tells what is wrong once, not at each look', () => {
    manifests.look()
    said.length = 0
    manifests.look()
    expect(said).toEqual([])
  })

  it('keeps in the store what leaves the folder', () => {
    rmSync(file('some.yaml'))
    manifests.look()
    expect(find('one')).toBeDefined()
    expect(find('one')?.metadata).not.toHaveProperty('deletionTimestamp')
  })

  it('follows a link that is flipped to another folder, as Git and config tools do', () => {
    for (const [folder, revision] of [
      ['first', 'v1'],
      ['second', 'v2'],
    ] as const) {
      mkdirSync(file(`.${folder}`))
      writeFileSync(file(`.${folder}/linked.yaml`), aModel('linked', revision))
    }
    symlinkSync(file('.first/linked.yaml'), file('linked.yaml'))
    manifests.look()
    rmSync(file('linked.yaml'))
    symlinkSync(file('.second/linked.yaml'), file('linked.yaml'))
    manifests.look()
    expect(find('linked')?.spec.source.huggingFace?.revision).toBe('v2')
  })

  it('tries again what the store could not take', () => {
    let isFull = true
    const taken: string[] = []
    const full = start({
      apply: wish => {
        if (isFull) throw new Transient('ApiUnavailable', 'the disk is full')
        taken.push(wish.name)
      },
    })
    isFull = false
    full.look()
    expect(taken).toContain('linked')
  })

  it('that does not exist holds nothing', () => {
    const none = new Manifests({
      people: { apply: () => undefined },
      folder: '/nowhere/at/all',
      onRefused: (_, sentence) => said.push(sentence),
    })
    none.stop()
  })
})
