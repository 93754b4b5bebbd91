// Starts the engine stand-in in each dialect with one tiny model, for the suites of this folder.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EngineFault } from '../stand-ins/engine/faults.ts'
import { type EngineProcess, freePort, startEngineProcess } from '../stand-ins/engine/start.ts'
import {
  ollamaLayers,
  type TinyModelOptions,
  writeOllamaStore,
  writeTinyModel,
} from '../stand-ins/tiny-model.ts'

export interface Scene {
  /** holds models; removed at the end */
  readonly folder: string
  readonly track: <T extends { stop: (signal?: NodeJS.Signals) => Promise<unknown> }>(engine: T) => T
  readonly end: () => Promise<void>
}

export const openScene = (): Scene => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-engines-'))
  const running: { stop: (signal?: NodeJS.Signals) => Promise<unknown> }[] = []
  return {
    folder,
    track: engine => {
      running.push(engine)
      return engine
    },
    end: async () => {
      await Promise.all(running.map(engine => engine.stop('SIGKILL')))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export interface VllmWish {
  readonly args: readonly string[]
  readonly faults?: readonly EngineFault[]
  readonly environment?: Readonly<Record<string, string>>
}

export const startVllm = async (scene: Scene, wish: VllmWish): Promise<EngineProcess> => {
  const port = await freePort()
  const command = ['vllm', 'serve', ...wish.args, '--host', '127.0.0.1', '--port', String(port)]
  const engine = scene.track(
    await startEngineProcess({ ...wish, command, port, environment: { ...wish.environment } }),
  )
  await engine.until('ready')
  return engine
}

/** The digest of the stored model, `sha256:…`. */
export const storeModel = (scene: Scene, store: string, options: TinyModelOptions): string => {
  const model = writeTinyModel(join(scene.folder, options.name), options)
  const image = ollamaLayers(model)
  writeOllamaStore(store, `library/${options.name}:latest`, image)
  return `sha256:${image.digest}`
}

/** A moment of the real time, for the contracts. */
export const pass = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 10))

export const waitFor = async (isSo: () => Promise<boolean>, milliseconds = 10_000): Promise<void> => {
  const end = Date.now() + milliseconds
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`not so within ${milliseconds} ms`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
