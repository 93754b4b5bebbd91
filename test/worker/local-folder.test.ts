// A folder that people keep on the volume: hashed, given a receipt, given to the engine, and never written into.
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type TinyModel, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { openWorkplace, type Workplace } from './workplace.ts'

const made = join(tmpdir(), `local-folder-${process.pid}`)
const source = { local: { path: 'in-house/tiny' } }
let model: TinyModel
let place: Workplace
const folder = () => join(place.root, 'in-house/tiny')
const look = (): string[] =>
  readdirSync(folder(), { recursive: true, encoding: 'utf8' })
    .map(name => `${name} ${lstatSync(join(folder(), name)).ino} ${lstatSync(join(folder(), name)).mtimeMs}`)
    .sort()

beforeAll(() => {
  model = writeTinyModel(made, { name: 'tiny', forms: ['huggingFace'] })
})
afterAll(() => rmSync(made, { recursive: true, force: true }))
beforeEach(() => {
  place = openWorkplace('HubCache', 'http://127.0.0.1:9')
  mkdirSync(folder(), { recursive: true })
  for (const file of model.files) writeFileSync(join(folder(), file), readFile(file))
})
afterEach(() => place.close())

const readFile = (file: string) => readFileSync(join(model.folder, file))
const at = () => ({ layout: place.layout })
const resolve = () => place.resolve(source, at())
const fetch = () => place.fetch(source, at())

describe('a local folder', () => {
  it('is resolved from its own bytes: digest of its list, format, capabilities; the network is not asked', async () => {
    const { code, result } = await resolve()
    expect(result.failure).toBeUndefined()
    expect(code).toBe(0)
    const { resolution } = result
    expect(resolution?.revision).toBe(`sha256:${resolution?.listDigest}`)
    expect(resolution).toMatchObject({
      format: 'Safetensors',
      files: model.files.filter(file => file !== 'README.md').length,
      capabilities: { task: 'Chat', architecture: 'LlamaForCausalLM' },
    })
  })

  it('gets a receipt, is given to the engine as it is, verified, and left alone when its Model goes', async () => {
    const before = look()
    const { result } = await fetch()
    expect(result.copy).toMatchObject({ isAdopted: true, bytesFetched: 0, path: folder() })
    const revision = JSON.parse(place.read('.switchyard/receipts/owner-1.json')).revision
    expect((await place.verify(source, { revision })).code).toBe(0)
    expect((await fetch()).result.copy?.receipt).toBe(result.copy?.receipt)
    expect((await place.remove(source, { revision })).result).toEqual({ removed: { bytesFreed: 0 } })
    expect(look()).toEqual(before)
    expect(readdirSync(join(place.root, '.switchyard/receipts'))).toEqual([])
  })

  it('that changed since it was read first is refused; reading it first again accepts it', async () => {
    const { result } = await resolve()
    const { revision, listDigest } = result.resolution!
    writeFileSync(join(folder(), 'config.json'), '{"architectures":["Other"]}')
    const ended = await place.fetch(source, { ...at(), revision, listDigest })
    expect(ended.result.failure).toMatchObject({ reason: 'Integrity', retry: 'Never' })
    expect(ended.result.failure?.message).toContain(`instead of ${revision}`)
    expect((await fetch()).code).toBe(0)
  })

  it('that changed after its receipt is found by verifying, and by looking at sizes alone', async () => {
    await fetch()
    const revision = JSON.parse(place.read('.switchyard/receipts/owner-1.json')).revision
    writeFileSync(join(folder(), 'config.json'), '{}')
    const { result } = await place.verify(source, { revision })
    expect(result.failure).toMatchObject({ reason: 'Integrity' })
    expect(result.failure?.message).toContain('config.json has 2 bytes')
  })

  it('is never linked from: people edit its files', async () => {
    await fetch()
    for (const file of readdirSync(folder())) expect(lstatSync(join(folder(), file)).nlink).toBe(1)
  })

  it.each([
    ['is not there', 'NotFound', () => rmSync(folder(), { recursive: true })],
    ['has no weights', 'NothingToFetch', () => rmWeights()],
    ['has weights only as pickles', 'UnsafeFormat', () => rmWeights(['pytorch_model.bin'])],
    [
      'has a link out of the volume',
      'UnsafePath',
      () => symlinkSync('/etc/hostname', join(folder(), 'x.json')),
    ],
    ['is a link out of the volume', 'UnsafePath', () => linkOut()],
    ['has weights that are none', 'UnsafeFormat', () => writeFileSync(join(folder(), 'x.safetensors'), 'no')],
  ])('that %s is refused with %s', async (_, reason, change) => {
    change()
    expect((await resolve()).result.failure).toMatchObject({ reason, retry: 'Never' })
  })

  it('may be a link, and have links, within the volume', async () => {
    mkdirSync(join(place.root, 'store'))
    writeFileSync(join(place.root, 'store/more'), toSafetensors('x'))
    symlinkSync('../../store/more', join(folder(), 'more.safetensors'))
    symlinkSync('tiny', join(place.root, 'in-house/alias'))
    const { result } = await place.resolve({ local: { path: 'in-house/alias' } }, at())
    expect(result.resolution?.files).toBe(model.files.filter(file => file !== 'README.md').length + 1)
  })

  it('needs to be told the volume that it lies on', async () => {
    expect((await place.resolve(source)).result.failure).toMatchObject({ reason: 'InvalidSpec' })
  })
})

const rmWeights = (others: readonly string[] = []) => {
  for (const file of readdirSync(folder())) if (file.endsWith('.safetensors')) rmSync(join(folder(), file))
  for (const file of others) writeFileSync(join(folder(), file), 'x')
}

const linkOut = () => {
  rmSync(folder(), { recursive: true })
  symlinkSync(model.folder, folder())
}
