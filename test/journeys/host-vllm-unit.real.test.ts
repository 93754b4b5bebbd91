// A vLLM (the stand-in) as a unit of somebody else, with an account, variables and a drop-in of its own: refused until root has let it be
// switched, then switched by its own command with another model, rolled back, and given back as it was.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { bundleEngine } from '../stand-ins/engine/bundle.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { filesOfFolder, type Hub, startHub } from '../stand-ins/hub.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'
import { asDaemon, openInstalled } from '../systemd/installed.ts'
import { whyNoSystem } from '../systemd/system.ts'
import { watchIn } from '../systemd/watch.ts'
import { askWho } from './ask-who.ts'
import { awaitStory, followHost } from './story.ts'
import type { Seen } from './town.ts'

const apiVersion = 'switchyard.dev/v1alpha1'
const unit = 'vllm.service'
const names = ['alpha', 'beta', 'broken'] as const
type Name = (typeof names)[number]

const why = whyNoSystem()
if (why) console.log(`left out: ${why}`)

describe.skipIf(why)('a vLLM that is a unit of somebody else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-vllm-unit-'))
  let hub: Hub
  let system: Awaited<ReturnType<typeof openInstalled>>
  let port: number

  beforeAll(async () => {
    port = await freePort()
    const models = [...names, 'theirs'].map(name =>
      writeTinyModel(join(folder, name), {
        name,
        forms: ['huggingFace'],
        ...(name === 'broken' ? { fault: 'load-fails' } : {}),
      }),
    )
    const repos = models.map(({ name, folder: from }) => ({ id: `tiny/${name}`, files: filesOfFolder(from) }))
    hub = await startHub({ repos })
    system = await openInstalled({ SWITCHYARD_HUB_ENDPOINT: hub.url })
    await bundleEngine(system.path('/usr/local/bin'), '/usr/local/bin/node')
    writeTinyModel(system.path('/srv/theirs'), {
      name: 'theirs',
      answer: 'I am theirs.',
      forms: ['huggingFace'],
    })
  })
  afterAll(async () => {
    await system?.close()
    await hub?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const write = (file: string, text: string): void => {
    mkdirSync(dirname(system.path(file)), { recursive: true })
    writeFileSync(system.path(file), text)
  }
  const wish = async (activeModel: Name): Promise<void> => {
    const spec = { engine: 'VLLM', activeModel, host: { unit, port } }
    const models = names.map(name => ({
      apiVersion,
      kind: 'Model',
      metadata: { name },
      spec: { source: { huggingFace: { repo: `tiny/${name}` } } },
    }))
    const runtime = { apiVersion, kind: 'Runtime', metadata: { name: 'gpu-a' }, spec }
    write('/tmp-objects.yaml', [...models, runtime].map(one => stringify(one)).join('---\n'))
    await system.run('switchyard', 'apply', '-f', '/tmp-objects.yaml')
  }
  const until = async (what: string, holds: () => unknown): Promise<void> => {
    await system.until(what, holds).catch(async error => {
      const told = await system.run('journalctl', '-n', '60', '--no-pager', '-o', 'cat')
      throw new Error(
        `${error.message}\n${told}\n${await system.run('switchyard', 'describe', 'runtime', 'gpu-a')}`,
      )
    })
  }
  const answers = (name: string) =>
    until(`${name} answers`, async () => (await askWho(port).catch(() => '')) === `I am ${name}.`)
  const runtime = async () =>
    JSON.parse(await system.run('switchyard', 'get', 'runtime', 'gpu-a', '-o', 'json')) as {
      status?: { phase?: string; reason?: string; active?: { model?: string } }
    }
  const isActive = (name: string) =>
    until(`${name} is committed`, async () => {
      const { status } = await runtime()
      return status?.phase === 'Active' && status.active?.model === name
    })
  const says = (words: string) => until(words, async () => JSON.stringify(await runtime()).includes(words))
  const show = (property: string) => system.run('systemctl', 'show', '-P', property, unit)
  const argv = async (): Promise<readonly string[]> =>
    (await system.run('cat', `/proc/${await show('MainPID')}/cmdline`)).split('\0').slice(0, -1)
  const install = (...words: readonly string[]) => system.enter(['switchyard', 'install', '--unit', ...words])

  it('13. a unit that does not exist is never treated as managed', async () => {
    const { exitCode, all } = await install(unit)
    expect([exitCode, all]).toEqual([1, `switchyard: unit ${unit} does not exist: install it first`])
    await wish('alpha')
    await says(`unit ${unit} does not exist`)
    expect(await show('LoadState')).toBe('not-found')
  })

  it('refuses one whose command is not understood, with a sentence', async () => {
    write('/etc/systemd/system/odd.service', '[Service]\nExecStart=/bin/sh -c "vllm serve x"\n')
    await system.run('systemctl', 'daemon-reload')
    const { exitCode, all } = await install('odd.service')
    expect(exitCode).toBe(1)
    expect(all).toContain('ExecStart= of odd.service must start vLLM itself')
  })

  it('is left alone until root has let it be switched', async () => {
    await system.run('useradd', '--system', '--shell', '/usr/sbin/nologin', 'vllm')
    const start = `/usr/local/bin/vllm serve \${MODEL} --host 127.0.0.1 --port ${port} --served-model-name theirs active --max-model-len 2048 $MORE`
    write(
      `/etc/systemd/system/${unit}`,
      `[Service]\nUser=vllm\nExecStart=${start}\nRestart=always\nRestartSec=1\n`,
    )
    write(
      `/etc/systemd/system/${unit}.d/override.conf`,
      '[Service]\nEnvironment=MODEL=/srv/theirs/hf "MORE=--enforce-eager --seed 7"\nMemoryHigh=7G\n',
    )
    await system.run('systemctl', 'daemon-reload')
    await system.run('systemctl', 'start', unit)
    await answers('theirs')
    await says(`run switchyard install --unit ${unit} as root, once`)
    const pid = await show('MainPID')
    const { exitCode } = await system.enter([...asDaemon, 'systemctl', '--no-ask-password', 'restart', unit])
    expect(exitCode).not.toBe(0)
    expect(await show('MainPID')).toBe(pid)
  })

  it('whose first model does not load serves what it served, and is switched to the next one', async () => {
    const story = followHost(
      (plural, signal) =>
        watchIn(system, `/api/v1/${plural}?namespace=default`, signal) as AsyncIterable<{ object: Seen }>,
    )
    await wish('broken')
    const { exitCode, all } = await install(unit)
    expect(`${exitCode} ${all}`).toContain('0 vllm.service may be switched now. It was not restarted')
    await says('RolledBack')
    await answers('theirs')
    await wish('alpha')
    await answers('alpha')
    await isActive('alpha')
    const golden = new URL('./golden/switching-back-to-as-found.txt', import.meta.url)
    // A Deployment is made exclusive before a switch, and its originals are kept; a unit needs neither.
    await awaitStory(story, golden, ['SwitchDue'])
    story.end()
  })

  it('is switched by its own command, with its own drop-in, account and variables', async () => {
    expect(await show('User')).toBe('vllm')
    expect(await show('MemoryHigh')).toBe(String(7 * 2 ** 30))
    expect((await argv()).slice(1, 12)).toEqual([
      '/usr/local/bin/vllm',
      'serve',
      expect.stringMatching(
        /^\/var\/lib\/switchyard\/models\/hub\/models--tiny--alpha\/snapshots\/[0-9a-f]{40}$/,
      ),
      ...['--host', '127.0.0.1', '--port', `${port}`, '--max-model-len', '2048', '--enforce-eager', '--seed'],
    ])
    expect((await argv()).slice(12)).toEqual(['7', '--served_model_name', 'alpha', 'active'])
  })

  it('comes back from a model that does not load, and is switched on', async () => {
    await wish('broken')
    await says('RolledBack')
    await answers('alpha')
    await wish('beta')
    await answers('beta')
    await isActive('beta')
  })

  it('serves again when its owner stops it, and after the power was cut', async () => {
    await system.run('systemctl', 'stop', unit)
    await answers('beta')
    await system.run('systemctl', 'enable', 'switchyard')
    await system.cut()
    await system.boot()
    await answers('beta')
    await isActive('beta')
  })

  it('takes no word of the daemon that is not one of a model', async () => {
    const file = `/var/lib/switchyard/adopted/${unit}.json`
    const launch = { hash: 'x', servedNames: ['active'], args: [] as string[], model: '/srv/theirs' }
    const tryOut = async (change: Partial<typeof launch>): Promise<string> => {
      write(file, JSON.stringify({ launch: { ...launch, ...change }, replicas: 1, starts: 9 }))
      const { all } = await system.enter([
        'switchyard',
        'run-unit',
        unit,
        '--',
        '/usr/local/bin/vllm',
        'serve',
        'm',
      ])
      return all ?? ''
    }
    await system.run('systemctl', 'stop', 'switchyard')
    expect(await tryOut({})).toContain('does not stand in /var/lib/switchyard/models')
    const model = (await argv())[3] ?? ''
    expect(await tryOut({ model, args: ['--trust-remote-code'] })).toContain('is not allowed')
    expect(await tryOut({ model, servedNames: ['--middleware'] })).toContain('is no served name')
    await system.run('ln', '-sf', '/etc/shadow', file)
    expect(
      (await system.enter(['switchyard', 'run-unit', unit, '--', '/usr/local/bin/vllm', 'serve', 'm'])).all,
    ).toBe(`switchyard: ${file} cannot be read (ELOOP)`)
  })

  it('is given back: nothing of ours is left, all of its owner', async () => {
    await system.run('switchyard', 'uninstall', '--unit', unit)
    expect(await system.run('ls', `/etc/systemd/system/${unit}.d`)).toBe('override.conf')
    await system.run('systemctl', 'restart', unit)
    await answers('theirs')
    const left = await system.run('find', '/etc', '/var/lib/switchyard/adopted', '-name', `*${unit}*`)
    expect(left.split('\n').filter(path => !path.startsWith('/etc/systemd/system/vllm'))).toEqual([])
  })
})
