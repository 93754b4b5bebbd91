// Which files of a repository are taken, and what that costs when there are very many.
import { describe, expect, it } from 'vitest'
import { chooseFiles } from '../../../src/worker/sources/choose-files.ts'
import type { SourceFile } from '../../../src/worker/sources/source.ts'

const hex = '0'.repeat(40)
const aFile = (path: string): SourceFile => ({
  path,
  size: 1,
  digest: { algorithm: 'gitSha1', hex },
  blob: hex,
})
const pathsOf = (names: readonly string[], include?: readonly string[]) =>
  chooseFiles(names.map(aFile), { include }).files.map(file => file.path)

describe('a second copy of the weights', () => {
  const names = ['consolidated.00.safetensors', 'model.fp16.safetensors', 'model-00001-of-00001.safetensors']
  it('is left out beside the main one', () => {
    expect(pathsOf(names)).toEqual(['model-00001-of-00001.safetensors'])
  })
  it('is taken where it is the only one, or named', () => {
    expect(pathsOf(names.slice(0, 2))).toEqual(names.slice(0, 2))
    expect(pathsOf(names, ['*.safetensors'])).toEqual(names)
  })
})

it('each of very many files is looked at a few times, however many there are', () => {
  let looks = 0
  const counting = (path: string): SourceFile => ({
    ...aFile(path),
    get path() {
      looks++
      return path
    },
  })
  const names = [...Array.from({ length: 3_000 }, (_, n) => `${n}.json`), 'model.safetensors']
  expect(chooseFiles(names.map(counting), {}).files.length).toBe(names.length)
  expect(looks).toBeLessThan(20 * names.length)
})
