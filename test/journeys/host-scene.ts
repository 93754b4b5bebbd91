// A host on which something can happen: the daemon with a hub and a registry beside it, what a person types there, and what is waited for.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { stringify } from 'yaml'
import { filesOfFolder, startHub } from '../stand-ins/hub.ts'
import { startRegistry } from '../stand-ins/registry.ts'
import {
  ollamaLayers,
  type TinyModel,
  type TinyModelOptions,
  writeTinyModel,
} from '../stand-ins/tiny-model.ts'
import { type HostWish, openMachine } from './host-daemon.ts'

export interface HostSceneWish extends Omit<HostWish, 'hubUrl' | 'registryUrl'> {
  /** By their forms: `huggingFace` is the repository `tiny/<name>` of the hub, `gguf` `library/<name>:latest` of the registry. */
  readonly models: readonly TinyModelOptions[]
}

export type HostScene = Awaited<ReturnType<typeof openHostScene>>

const longestWaitMs = 120_000

export const openHostScene = async ({ models, ...wish }: HostSceneWish) => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-scene-'))
  const written = models.map(one => writeTinyModel(join(folder, one.name), one))
  const has = (form: 'huggingFace' | 'gguf') =>
    written.filter((_, at) => (models[at]?.forms ?? [form]).includes(form))
  const hub = await startHub({
    repos: has('huggingFace').map(one => ({ id: `tiny/${one.name}`, files: filesOfFolder(one.folder) })),
  })
  const images = has('gguf').map(one => [`library/${one.name}:latest`, ollamaLayers(one)] as const)
  const registry = await startRegistry({ models: Object.fromEntries(images) })
  const machine = await openMachine({ ...wish, hubUrl: hub.url, registryUrl: registry.url })
  const strangers: ChildProcess[] = []
  let daemon: ReturnType<typeof machine.begin> | undefined

  const until = async (what: string, holds: () => unknown): Promise<void> => {
    for (const end = Date.now() + longestWaitMs; Date.now() < end; await sleep(50)) if (await holds()) return
    throw new Error(`not seen: ${what}\n${machine.log()}`)
  }
  const begin = async (): Promise<void> => {
    const before = machine.starts()
    daemon = machine.begin()
    await until('it runs', () => machine.starts() > before)
  }
  const kill = async (): Promise<void> => {
    daemon?.kill('SIGKILL')
    await daemon
  }
  const done = async (words: readonly string[], input?: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await machine.type(words, input)
    expect(exitCode, `switchyard ${words.join(' ')}\n${stdout}\n${stderr}\n${machine.log()}`).toBe(0)
    return stdout
  }
  /** A process that is none of ours: the engine's program, by the name that it is called by. */
  const stranger = (name: 'vllm' | 'ollama', environment: Readonly<Record<string, string>>): ChildProcess => {
    const child = spawn(join(machine.programs, name), ['serve'], {
      env: { ...process.env, ...environment },
      stdio: 'ignore',
    })
    strangers.push(child)
    return child
  }
  const close = async (): Promise<void> => {
    await kill()
    for (const one of strangers) one.kill('SIGKILL')
    machine.close()
    await Promise.all([hub.close(), registry.close()])
    rmSync(folder, { recursive: true, force: true })
  }
  return {
    hub,
    registry,
    machine,
    folder,
    /** as written, by name */
    model: (name: string): TinyModel => {
      const found = written.find(one => one.name === name)
      if (!found) throw new Error(`no model ${name} was written`)
      return found
    },
    begin,
    kill,
    stranger,
    until,
    done,
    apply: (...objects: readonly object[]) =>
      done(['apply', '-f', '-'], objects.map(one => stringify(one)).join('---\n')),
    /** bytes of weights that the hub has sent of a repository */
    sent: (name: string): number =>
      hub.requests
        .filter(({ origin, path }) => origin === 'cdn' && path.includes(`tiny/${name}/`))
        .reduce((sum, { bytesSent }) => sum + bytesSent, 0),
    close,
  }
}
