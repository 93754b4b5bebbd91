// The real Python client downloads from the hub stand-in: what keeps the stand-in honest.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Hub, startHub } from './hub.ts'
import { findPython } from './python-client.ts'
import { type TinyModel, writeTinyModel } from './tiny-model.ts'

const python = findPython()
if ('why' in python) console.log(`SKIPPED: the real Python client against the hub stand-in: ${python.why}`)

describe.skipIf('why' in python)('the real Python client against the hub stand-in', () => {
  const bin = 'bin' in python ? python.bin : ''
  const root = mkdtempSync(join(tmpdir(), 'hub-real-'))
  const repo = 'acme/tiny'
  let model: TinyModel
  let hub: Hub
  const environment = () => ({
    HF_ENDPOINT: hub.url,
    HF_HOME: join(root, 'home'),
    HF_HUB_DISABLE_XET: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
  })
  const hf = (...args: string[]) =>
    execa(join(bin, 'hf'), args, { env: environment(), reject: false, all: true })
  const run = (script: string) =>
    execa(join(bin, 'python'), ['-c', script], { env: environment(), reject: false, all: true })

  beforeAll(async () => {
    model = writeTinyModel(join(root, 'model'), {
      name: 'tiny',
      shards: 3,
      padBytes: 6_000_001,
      forms: ['huggingFace'],
    })
    hub = await startHub({ repos: [{ id: repo, folder: model.folder }], pageSize: 4 })
  })
  afterAll(async () => {
    await hub.close()
    rmSync(root, { recursive: true, force: true })
  })
  const expectSame = (folder: string) => {
    for (const file of model.files)
      expect(readFileSync(join(folder, file)).equals(readFileSync(join(model.folder, file))), file).toBe(true)
  }

  it('hf download brings every byte', async () => {
    const done = await hf('download', repo, '--local-dir', join(root, 'local'))
    expect(done.exitCode, done.all).toBe(0)
    expectSame(join(root, 'local'))
    expect(hub.requests.some(r => r.origin === 'cdn')).toBe(true)
  })

  it('snapshot_download by branch fills a cache that a later call reads offline', async () => {
    const script = (more: string) =>
      `from huggingface_hub import snapshot_download\nprint(snapshot_download('${repo}'${more}))`
    const online = await run(script(''))
    expect(online.exitCode, online.all).toBe(0)
    const folder = online.stdout.trim()
    expect(folder).toContain(hub.commitOf(repo))
    expectSame(folder)
    const before = hub.requests.length
    expect((await run(script(', local_files_only=True'))).stdout.trim()).toBe(folder)
    expect(hub.requests.length).toBe(before)
  })

  it('model_info knows commit, licence and parameters', async () => {
    const done = await run(
      `from huggingface_hub import HfApi\ni=HfApi().model_info('${repo}')\nprint(i.sha, i.card_data.license, i.safetensors.total, i.gated, len(i.siblings))`,
    )
    expect(done.stdout, done.all).toBe(
      `${hub.commitOf(repo)} apache-2.0 ${model.parameters} False ${model.files.length}`,
    )
  })

  it('names a gate, a missing repository and a missing revision by their own errors', async () => {
    hub.addRepo({ id: 'acme/gated', files: { 'config.json': '{}' }, gated: 'manual' })
    const errorOf = async (id: string, more = '') =>
      (
        await run(
          `from huggingface_hub import hf_hub_download\ntry:\n  hf_hub_download('${id}','config.json'${more})\nexcept Exception as e:\n  print(type(e).__name__)`,
        )
      ).stdout.trim()
    expect(await errorOf('acme/gated')).toBe('GatedRepoError')
    expect(await errorOf('acme/gated', ", token='hf_other'")).toBe('GatedRepoError')
    expect(await errorOf('acme/none', ", token='hf_other'")).toBe('RepositoryNotFoundError')
    expect(await errorOf(repo, ", revision='nope'")).toBe('RevisionNotFoundError')
  })
})
