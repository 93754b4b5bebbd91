// The real Ollama on a host, twice: a process that is ours, and one that is not and is switched through its API alone.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAlive, markOf, type ProcessMark } from '../../src/platform/host/process-mark.ts'
import { ensureOllama, whyNoOllama } from '../cluster/ollama.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { type Registry, startRegistry } from '../stand-ins/registry.ts'
import { ollamaLayers, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openMachine } from './host-daemon.ts'

const names = ['alpha', 'beta'] as const
const answers = { alpha: 'I am alpha.', beta: 'And I am beta.' }
const apiVersion = 'switchyard.dev/v1alpha1'
const small = { OLLAMA_NO_CLOUD: '1', OLLAMA_CONTEXT_LENGTH: '512', OLLAMA_NUM_PARALLEL: '1' }

const reason = whyNoOllama()
if (reason) console.log(`Ollama on a host is not tried: ${reason}`)

describe.skipIf(reason !== undefined)('Ollama on a host', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-ollama-host-'))
  const store = join(folder, 'store')
  const ports = { ours: 0, theirs: 0 }
  let registry: Registry
  let machine: Awaited<ReturnType<typeof openMachine>>
  let daemon: ReturnType<typeof machine.begin>
  let theirs: ProcessMark | undefined

  const startTheirs = async (program: string) => {
    ports.theirs = await freePort()
    mkdirSync(store)
    const env = { ...process.env, ...small, HOME: folder }
    const place = { OLLAMA_HOST: `127.0.0.1:${ports.theirs}`, OLLAMA_MODELS: store }
    const child = spawn(program, ['serve'], { env: { ...env, ...place }, detached: true, stdio: 'ignore' })
    theirs = markOf(child.pid ?? 0)
  }

  beforeAll(async () => {
    const program = await ensureOllama()
    const models = names.map(name =>
      writeTinyModel(join(folder, name), { name, answer: answers[name], forms: ['gguf'] }),
    )
    const images = models.map(model => [`library/${model.name}:latest`, ollamaLayers(model)] as const)
    registry = await startRegistry({ models: Object.fromEntries(images) })
    await startTheirs(program)
    ports.ours = await freePort()
    machine = await openMachine({ registryUrl: registry.url, programs: dirname(program), engine: small })
    daemon = machine.begin()
  })

  afterAll(async () => {
    daemon?.kill('SIGKILL')
    await daemon
    machine?.close()
    // Its runner is its child; the group is ended, and it is ours.
    if (theirs && isAlive(theirs)) process.kill(-theirs.pid, 'SIGKILL')
    await registry?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const wish = (activeModel: string) => {
    const runtime = (name: string, spec: object) => ({
      apiVersion,
      kind: 'Runtime',
      metadata: { name },
      spec: { engine: 'Ollama', activeModel, ...spec },
    })
    machine.write('all.yaml', [
      ...names.map(name => ({
        apiVersion,
        kind: 'Model',
        metadata: { name },
        spec: { source: { ollama: { name } } },
      })),
      runtime('ours', { host: { port: ports.ours } }),
      runtime('theirs', {
        host: { url: `http://127.0.0.1:${ports.theirs}` },
        storage: { directory: store },
      }),
    ])
  }
  const ask = async (port: number): Promise<string> => {
    const body = JSON.stringify({ model: 'active', messages: [{ role: 'user', content: 'Who are you?' }] })
    const headers = { 'content-type': 'application/json' }
    const url = `http://127.0.0.1:${port}/v1/chat/completions`
    const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined)
    const said = ((await answer?.json()) ?? {}) as { choices?: { message: { content: string } }[] }
    return said.choices?.[0]?.message.content ?? ''
  }
  const answer = async (name: (typeof names)[number]): Promise<void> => {
    for (const end = Date.now() + 100_000; Date.now() < end; await sleep(200)) {
      const said = await Promise.all([ask(ports.ours), ask(ports.theirs)])
      if (said.every(text => text.startsWith(answers[name]))) return
    }
    throw new Error(`not both answer as ${name}\n${machine.log()}`)
  }

  it('both serve the model that is wanted, from the registry', async () => {
    wish('alpha')
    await answer('alpha')
  })

  it('both switch inside their process, also when the daemon is killed meanwhile', async () => {
    wish('beta')
    await sleep(1_000)
    daemon.kill('SIGKILL')
    await daemon
    const ours = machine.engineOf('ours')
    daemon = machine.begin()
    await answer('beta')
    daemon.kill('SIGTERM')
    expect((await daemon).exitCode).toBe(0)
    expect(machine.engineOf('ours')).toEqual(ours)
    expect(ours && isAlive(ours)).toBe(true)
  })

  it('the one that is not ours was never started anew, and is nowhere recorded as ours', () => {
    expect(theirs && isAlive(theirs)).toBe(true)
    expect(machine.engineOf('theirs')).toBeUndefined()
    const status = machine.objects().find(({ metadata }) => metadata.name === 'theirs')?.status
    expect(status).toMatchObject({
      strategy: 'InPlace',
      active: { endpoint: `http://127.0.0.1:${ports.theirs}` },
    })
  })
})
