// The life of a machine with systemd: installed, a model fetched and served, the daemon killed over and over, the power cut, a unit edited
// by hand, taken away again. Kills: 20, or SWITCHYARD_TEST_KILLS.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { bundleEngine } from '../stand-ins/engine/bundle.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { filesOfFolder, type Hub, startHub } from '../stand-ins/hub.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openInstalled } from '../systemd/installed.ts'
import { whyNoSystem } from '../systemd/system.ts'
import { askWho } from './ask-who.ts'

const why = whyNoSystem()
if (why) console.log(`left out: ${why}`)

const kills = Number(process.env['SWITCHYARD_TEST_KILLS'] ?? 20)
const names = ['alpha', 'beta', 'gamma'] as const
const weights = 3_000_000

const aModel = (name: string) => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Model',
  metadata: { name },
  spec: { source: { huggingFace: { repo: `tiny/${name}` } }, runtimes: [{ name: 'gpu' }] },
})

describe.skipIf(why)('a machine with systemd', () => {
  let hub: Hub
  let system: Awaited<ReturnType<typeof openInstalled>>
  let port: number
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-models-'))

  beforeAll(async () => {
    port = await freePort()
    const models = names.map(name =>
      writeTinyModel(join(folder, name), {
        name,
        answer: `I am ${name}.`,
        padBytes: weights,
        forms: ['huggingFace'],
      }),
    )
    hub = await startHub({
      repos: models.map(({ name, folder: from }) => ({ id: `tiny/${name}`, files: filesOfFolder(from) })),
    })
    system = await openInstalled({ SWITCHYARD_HUB_ENDPOINT: hub.url })
    await bundleEngine(system.path('/usr/local/bin'), '/usr/local/bin/node')
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
  const apply = async (...objects: readonly object[]): Promise<void> => {
    write('/tmp-objects.yaml', objects.map(one => stringify(one)).join('---\n'))
    await system.run('switchyard', 'apply', '-f', '/tmp-objects.yaml')
  }
  const serve = (activeModel: string) =>
    apply({
      apiVersion: 'switchyard.dev/v1alpha1',
      kind: 'Runtime',
      metadata: { name: 'gpu' },
      spec: { engine: 'VLLM', activeModel, host: { port }, switch: { drainSeconds: 1 } },
    })
  const ask = (): Promise<string> => askWho(port)
  const until = async (what: string, holds: () => unknown): Promise<void> => {
    await system.until(what, holds).catch(async error => {
      throw new Error(
        `${error.message}\n${await system.run('journalctl', '-n', '60', '--no-pager', '-o', 'cat')}`,
      )
    })
  }
  const answers = (name: string) =>
    until(`${name} answers`, async () => (await ask().catch(() => '')) === `I am ${name}.`)
  const get = async (kind: string, name: string) => {
    const { stdout } = await system.enter(['switchyard', 'get', kind, name, '-o', 'json'])
    return JSON.parse(stdout || '{}') as { status?: { phase?: string; active?: { model?: string } } }
  }
  const isActive = async (name: string): Promise<boolean> => {
    const { status } = await get('runtime', 'gpu')
    return status?.phase === 'Active' && status.active?.model === name
  }
  const show = (unit: string, property: string) => system.run('systemctl', 'show', '-P', property, unit)
  const kill = async (): Promise<void> => {
    const before = await show('switchyard', 'MainPID')
    await system.run('systemctl', 'kill', '--kill-whom=main', '--signal=KILL', 'switchyard')
    await until('a new daemon', async () => {
      const [pid, state] = [await show('switchyard', 'MainPID'), await show('switchyard', 'ActiveState')]
      return pid !== '0' && pid !== before && state === 'active'
    })
  }
  const engine = 'switchyard-runtime@gpu.service'
  const processes = async (): Promise<readonly string[]> =>
    (await system.run('ps', '-o', 'stat=,args=', '-u', 'switchyard')).split('\n').map(line => line.trim())

  const completions = [
    '/usr/local/share/bash-completion/completions/switchyard',
    '/usr/local/share/zsh/site-functions/_switchyard',
    '/usr/local/share/fish/vendor_completions.d/switchyard.fish',
  ]
  it('completes its commands in a shell', async () => {
    for (const file of completions) expect(await system.run('cat', file)).toContain('switchyard __complete')
    const [bash = ''] = completions
    const typed = `source ${bash}; COMP_WORDS=(switchyard roll); COMP_CWORD=1; _switchyard; echo "\${COMPREPLY[*]}"`
    expect(await system.run('bash', '-c', typed)).toMatch(/^rollback/)
  })

  it('fetches a model and serves it, in a unit of its own', async () => {
    await apply(aModel('alpha'))
    await serve('alpha')
    await answers('alpha')
    await until('it is committed', () => isActive('alpha'))
    expect(await show(engine, 'ActiveState')).toBe('active')
    expect(await show(engine, 'User')).toBe('switchyard')
  })

  it(`0 engine restarts, 0 zombies, 0 orphans, each byte once, in ${kills} kills during downloads and switches`, async () => {
    const pid = await show(engine, 'MainPID')
    hub.setFault('model.safetensors', { kind: 'slow', bytesPerSecond: (4 * weights) / kills })
    await apply(aModel('beta'), aModel('gamma'))
    for (let n = 0; n < kills / 2; n++) {
      await kill()
      expect(await ask()).toBe('I am alpha.')
    }
    hub.setFault('model.safetensors', { kind: 'slow', bytesPerSecond: 100 * weights })
    expect(await show(engine, 'MainPID')).toBe(pid)
    for (const name of ['beta', 'gamma'])
      await until(`${name} is ready`, async () => (await get('model', name)).status?.phase === 'Ready')
    const sent = hub.requests.filter(({ origin, path }) => origin === 'cdn' && /beta|gamma/.test(path))
    expect(sent.reduce((sum, { bytesSent }) => sum + bytesSent, 0)).toBeLessThan(2.2 * weights)

    let last = ''
    for (let n = 0; n < kills / 2; n++) {
      last = names[(n + 1) % names.length] ?? ''
      await serve(last)
      await kill()
    }
    await answers(last)
    await until('it is committed', () => isActive(last))
    const lines = (await system.run('journalctl', '-u', engine, '-o', 'cat')).split('\n')
    const runs = (await system.run('journalctl', '-u', engine, '-F', 'SYSLOG_IDENTIFIER')).split('\n')
    const newest = Math.max(...runs.map(run => Number(/^gpu-(\d+)$/.exec(run)?.[1] ?? 0)))
    // Runs are numbered: one that was started twice was restarted.
    expect(lines.filter(line => line.startsWith('Started ')).length).toBe(newest)
    console.log(`${kills} kills: ${newest} runs, each started once`)
    await until('no worker is left', async () => (await processes()).length === 2)
    expect((await processes()).filter(line => line.startsWith('Z'))).toEqual([])
    expect(
      (await processes()).map(line => /(vllm serve|switchyard.mjs host)/.exec(line)?.[1]).sort(),
    ).toEqual([...['switchyard.mjs host', 'vllm serve']])
  }, 600_000)

  it('lets no engine speak to the daemon, which would start another without limits', async () => {
    const inside = ['nsenter', '-t', await show(engine, 'MainPID'), '--mount', '--']
    const asEngine = ['setpriv', '--reuid=switchyard', '--regid=switchyard', '--clear-groups']
    const { all } = await system.enter([...inside, ...asEngine, 'ls', '/run/switchyard/switchyard.sock'])
    expect(all).toMatch(/denied/i)
    expect(await system.run(...asEngine, 'ls', '/run/switchyard/switchyard.sock')).not.toMatch(/denied/i)
  })

  it('serves again after the power was cut, with nobody there', async () => {
    const { status } = await get('runtime', 'gpu')
    await system.cut()
    await system.boot()
    await answers(status?.active?.model ?? '')
    await until('it is committed', () => isActive(status?.active?.model ?? ''))
  })

  it('keeps what a person edited of a unit', async () => {
    write(`/etc/systemd/system/${engine}.d/mine.conf`, '[Service]\nMemoryHigh=7G\n')
    await system.run('systemctl', 'daemon-reload')
    await serve('alpha')
    await until('alpha is committed', () => isActive('alpha'))
    expect(await show(engine, 'MemoryHigh')).toBe(String(7 * 2 ** 30))
  })

  it('6. Settings reach the unit that runs', async () => {
    const commandLine = async () =>
      (await system.enter(['cat', `/proc/${await show(engine, 'MainPID')}/cmdline`])).stdout.split('\0')
    expect(await commandLine()).not.toContain('--max-num-seqs')
    await apply({
      apiVersion: 'switchyard.dev/v1alpha1',
      kind: 'Runtime',
      metadata: { name: 'gpu' },
      spec: {
        engine: 'VLLM',
        activeModel: 'alpha',
        engineArgs: ['--max-num-seqs', '7'],
        host: { port },
        switch: { drainSeconds: 1 },
      },
    })
    await until('the words are there', async () => (await commandLine()).includes('--max-num-seqs'))
    await answers('alpha')
    await until('it is committed', () => isActive('alpha'))
  })

  it('is begun again by systemd when it hangs', async () => {
    const before = await show('switchyard', 'MainPID')
    write('/etc/systemd/system/switchyard.service.d/quick.conf', '[Service]\nWatchdogSec=2\n')
    await system.run('systemctl', 'daemon-reload')
    await system.run('systemctl', 'restart', 'switchyard')
    await until('it runs', async () => (await show('switchyard', 'ActiveState')) === 'active')
    const pid = await show('switchyard', 'MainPID')
    expect(pid).not.toBe(before)
    await system.run('kill', '-STOP', pid)
    await until('another one runs', async () => {
      const now = await show('switchyard', 'MainPID')
      return now !== '0' && now !== pid && (await show('switchyard', 'ActiveState')) === 'active'
    })
    expect(await ask()).toBe('I am alpha.')
  })

  it('leaves nothing but the models when it is uninstalled', async () => {
    expect(await system.run('node', '/opt/bundle/switchyard.mjs', 'uninstall')).toContain(
      '/var/lib/switchyard/models',
    )
    const places = ['/etc', '/var/lib', '/var/cache', '/usr/local', '/run']
    const left = (await system.run('find', ...places, '-xdev', '-iname', '*switchyard*')).split('\n')
    const mine = [
      '/etc/systemd/system/switchyard-runtime@gpu.service.d',
      '/etc/systemd/system/switchyard.service.d',
    ]
    expect(
      left.filter(path => !mine.includes(path) && !path.startsWith('/var/lib/switchyard/models')),
    ).toEqual(['/var/lib/switchyard'])
    expect((await system.enter(['getent', 'passwd', 'switchyard'])).stdout).toBe('')
    expect((await system.enter(['pgrep', '-f', 'switchyard|vllm'])).stdout).toBe('')
    expect(await system.run('find', '/var/lib/switchyard', '-name', 'model.safetensors')).toContain('alpha')
    expect(await system.run('find', '/var/lib/switchyard', '-not', '-user', 'root')).toBe('')
  })

  it('installed anew it finds them there, and fetches nothing twice', async () => {
    const before = hub.requests.filter(({ origin }) => origin === 'cdn').length
    write('/etc/switchyard/environment', `SWITCHYARD_HUB_ENDPOINT=${hub.url}\n`)
    await system.run('node', '/opt/bundle/switchyard.mjs', 'install')
    await apply(aModel('alpha'))
    await serve('alpha')
    await answers('alpha')
    await until('alpha is ready', async () => (await get('model', 'alpha')).status?.phase === 'Ready')
    expect(hub.requests.filter(({ origin }) => origin === 'cdn').length).toBe(before)
  })
})
