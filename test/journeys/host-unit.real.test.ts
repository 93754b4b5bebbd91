// The real Ollama as a unit of somebody else, with an account and a store of its own: watched, switched through its API, never started or ended.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { ensureOllama, whyNoOllama } from '../cluster/ollama.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { type Registry, startRegistry } from '../stand-ins/registry.ts'
import { ollamaLayers, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openInstalled } from '../systemd/installed.ts'
import { whyNoSystem } from '../systemd/system.ts'

const apiVersion = 'switchyard.dev/v1alpha1'
const answers = { alpha: 'I am alpha.', beta: 'And I am beta.' } as const
type Name = keyof typeof answers
const names = Object.keys(answers) as Name[]
const store = '/srv/ollama'

const why = whyNoSystem() ?? whyNoOllama()
if (why) console.log(`left out: ${why}`)

describe.skipIf(why)('an Ollama that is a unit of somebody else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-unit-'))
  let registry: Registry
  let system: Awaited<ReturnType<typeof openInstalled>>
  let port: number

  beforeAll(async () => {
    const program = await ensureOllama()
    const models = names.map(name =>
      writeTinyModel(join(folder, name), { name, answer: answers[name], forms: ['gguf'] }),
    )
    const images = models.map(model => [`library/${model.name}:latest`, ollamaLayers(model)] as const)
    registry = await startRegistry({ models: Object.fromEntries(images) })
    port = await freePort()
    system = await openInstalled({ SWITCHYARD_REGISTRY_ENDPOINT: registry.url })
    copyFileSync(program, system.path('/usr/local/bin/ollama'))
  })
  afterAll(async () => {
    await system?.close()
    await registry?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const write = (file: string, text: string): void => {
    mkdirSync(dirname(system.path(file)), { recursive: true })
    writeFileSync(system.path(file), text)
  }
  const wish = async (activeModel: Name): Promise<void> => {
    const runtime = {
      apiVersion,
      kind: 'Runtime',
      metadata: { name: 'theirs' },
      spec: {
        engine: 'Ollama',
        activeModel,
        host: { unit: 'ollama.service', port },
        storage: { directory: store },
      },
    }
    const models = names.map(name => ({
      apiVersion,
      kind: 'Model',
      metadata: { name },
      spec: { source: { ollama: { name } } },
    }))
    write('/tmp-objects.yaml', [...models, runtime].map(one => stringify(one)).join('---\n'))
    await system.run('switchyard', 'apply', '-f', '/tmp-objects.yaml')
  }
  const until = async (what: string, holds: () => unknown): Promise<void> => {
    await system.until(what, holds).catch(async error => {
      const told = await system.run('journalctl', '-u', 'ollama', '-n', '40', '--no-pager', '-o', 'cat')
      const seen = await system.run('switchyard', 'describe', 'runtime', 'theirs')
      throw new Error(
        `${error.message}\n${told}\n${seen}\n${await system.run('switchyard', 'describe', 'model', 'alpha')}`,
      )
    })
  }
  const ask = async (): Promise<string> => {
    const body = JSON.stringify({ model: 'active', messages: [{ role: 'user', content: 'Who are you?' }] })
    const headers = { 'content-type': 'application/json' }
    const url = `http://127.0.0.1:${port}/v1/chat/completions`
    const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined)
    const said = ((await answer?.json()) ?? {}) as { choices?: { message: { content: string } }[] }
    return said.choices?.[0]?.message.content ?? ''
  }
  const serves = (name: Name) => until(`${name} answers`, async () => (await ask()).startsWith(answers[name]))
  const says = (words: string) =>
    until(words, async () =>
      (await system.run('switchyard', 'get', 'runtime', 'theirs', '-o', 'json')).includes(words),
    )
  const show = (property: string) => system.run('systemctl', 'show', '-P', property, 'ollama')

  it('13. A unit that does not exist is never treated as managed', async () => {
    mkdirSync(system.path(store))
    await system.run('chown', 'switchyard', store)
    await wish('alpha')
    await says('unit ollama.service does not exist')
    expect(await show('LoadState')).toBe('not-found')
  })

  it('is served from as soon as it is there, with a store that belongs to its own account', async () => {
    await system.run('useradd', '--system', '--home-dir', store, '--shell', '/usr/sbin/nologin', 'ollama')
    await system.run('usermod', '--append', '--groups', 'ollama', 'switchyard')
    await system.run('chown', 'ollama:ollama', store)
    await system.run('chmod', '2775', store)
    const environment = { OLLAMA_HOST: `127.0.0.1:${port}`, OLLAMA_MODELS: store, OLLAMA_NO_CLOUD: '1' }
    const small = { OLLAMA_CONTEXT_LENGTH: '512', OLLAMA_NUM_PARALLEL: '1' }
    const lines = Object.entries({ ...environment, ...small }).map(
      ([name, value]) => `Environment=${name}=${value}`,
    )
    const service = ['User=ollama', 'UMask=0002', 'Restart=always', 'RestartSec=1', ...lines]
    write(
      '/etc/systemd/system/ollama.service',
      `[Service]\nExecStart=/usr/local/bin/ollama serve\n${service.join('\n')}\n`,
    )
    write(
      '/etc/systemd/system/switchyard.service.d/ollama.conf',
      `[Service]\nSupplementaryGroups=ollama\nReadWritePaths=${store}\nUMask=0002\n`,
    )
    await system.run('systemctl', 'daemon-reload')
    await system.run('systemctl', 'start', 'ollama')
    // Ollama makes its folders for itself alone, whatever its umask, and takes empty ones away when it starts.
    await until('its store', async () => {
      await fetch(`http://127.0.0.1:${port}/api/tags`).catch(() => undefined)
      const both = [`${store}/blobs`, '-a', '-d', `${store}/manifests`]
      return (await system.enter(['test', '-d', ...both])).exitCode === 0
    })
    await system.run('chmod', '-R', 'g+w', store)
    await system.run('systemctl', 'restart', 'switchyard')
    await serves('alpha')
  })

  it('is switched inside its process', async () => {
    const pid = await show('MainPID')
    await wish('beta')
    await serves('beta')
    await says('"phase": "Active"')
    expect([await show('MainPID'), await show('NRestarts')]).toEqual([pid, '0'])
    expect(await system.run('switchyard', 'logs', 'theirs')).toMatch(/Listening on|llama/i)
  })

  it('serves again after systemd has begun it anew', async () => {
    const pid = await show('MainPID')
    await system.run('systemctl', 'kill', '--signal=KILL', 'ollama')
    await until('another process', async () => !['0', pid].includes(await show('MainPID')))
    await serves('beta')
  })

  it('that its owner has stopped is said, and not started by us', async () => {
    await system.run('systemctl', 'stop', 'ollama')
    await says('unit ollama.service does not run: systemctl start ollama.service')
    expect(await show('ActiveState')).toBe('inactive')
  })

  it('stays with its store when Switchyard goes, models and all', async () => {
    await system.run('systemctl', 'start', 'ollama')
    await serves('beta')
    const pid = await show('MainPID')
    await system.run('node', '/opt/bundle/switchyard.mjs', 'uninstall', '--purge-models', '--yes')
    expect([await show('MainPID'), await show('ActiveState')]).toEqual([pid, 'active'])
    expect((await ask()).startsWith(answers.beta)).toBe(true)
    expect(await system.run('find', store, '-name', 'sha256-*')).not.toBe('')
    expect((await system.enter(['ls', '/var/lib/switchyard'])).exitCode).not.toBe(0)
  })
})
