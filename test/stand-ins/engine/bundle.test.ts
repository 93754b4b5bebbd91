// The engine stand-in as pods run it: one bundled file per command name.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { writeTinyModel } from '../tiny-model.ts'
import { bundleEngine } from './bundle.ts'
import { freePort, startEngineProcess } from './start.ts'

it('the bundle, started under the name of the real program, serves', async () => {
  const root = mkdtempSync(join(tmpdir(), 'engine-bundle-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const files = await bundleEngine(join(root, 'bin'), process.execPath)
  expect(files.map(file => basename(file))).toEqual(['vllm', 'ollama', 'python3'])
  const model = writeTinyModel(root, { name: 'tiny', forms: ['huggingFace'] })
  const port = await freePort()
  const command = ['serve', model.folder, '--port', String(port)]
  const engine = await startEngineProcess({ program: [files[0]!], command, port, loadMilliseconds: 1 })
  onTestFinished(async () => void (await engine.stop('SIGKILL')))
  await engine.until('ready')
  expect((await fetch(`${engine.url}/health`)).status).toBe(200)
  expect(await engine.stop()).toBe(0)
})
