// One person without root: Switchyard in the systemd of that user, with the engine inside the program as a unit; the daemon killed, and all
// of it taken away again.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it, describe as suite } from 'vitest'
import { stringify } from 'yaml'
import { bundle } from '../../scripts/build.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { type Registry, startRegistry } from '../stand-ins/registry.ts'
import { ollamaLayers, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openSystem, type System, whyNoSystem } from '../systemd/system.ts'
import { askWho } from './ask-who.ts'

const answers = { alpha: 'I am alpha.', beta: 'And I am beta.' } as const
type Name = keyof typeof answers
const names = Object.keys(answers) as Name[]

const why = whyNoSystem()
if (why) console.log(`left out: ${why}`)

const uid = 1001
const home = '/home/ann'
const ann = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--init-groups']
const session = {
  HOME: home,
  XDG_RUNTIME_DIR: `/run/user/${uid}`,
  PATH: `${home}/.local/bin:/usr/local/bin:/usr/bin`,
}
const sessionWords = Object.entries(session).map(([name, value]) => `${name}=${value}`)
const program = '/opt/bundle/switchyard.mjs'
const engine = 'switchyard-runtime@small.service'

/** The account, what its shell would be given by a login, and the engine inside the program as an earlier use has left it. */
const openHome = async (folder: string): Promise<System> => {
  await bundle(join(folder, 'bundle/switchyard.mjs'))
  // Kept from one run to the next: it is fetched once.
  const kept = join(homedir(), '.cache/switchyard/embedded')
  const cache = join(kept, 'switchyard')
  const words = [join(folder, 'bundle/switchyard.mjs'), 'embedded', 'install']
  const { stdout } = await execa(process.execPath, words, { env: { XDG_CACHE_HOME: kept } })
  if (stdout) console.log(stdout)
  const system = await openSystem()
  cpSync(join(folder, 'bundle'), system.path('/opt/bundle'), { recursive: true })
  await system.run('useradd', '--create-home', '--uid', String(uid), 'ann')
  // Not shown where it lies: an engine of its own unit sees no /tmp but its own, and the home of whoever tests may be there.
  cpSync(cache, system.path(`${home}/.cache/switchyard`), { recursive: true, verbatimSymlinks: true })
  await system.run('chown', '-R', 'ann:', home)
  await system.run('install', '-d', '-m', '700', '-o', 'ann', '-g', 'ann', session.XDG_RUNTIME_DIR)
  await system.run('install', '-d', '-m', '1777', '/var/tmp')
  return system
}

suite.skipIf(why)('a person without root', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-user-'))
  let registry: Registry
  let system: System
  let port: number

  beforeAll(async () => {
    const models = names.map(name =>
      writeTinyModel(join(folder, name), { name, answer: answers[name], forms: ['gguf'] }),
    )
    const images = models.map(model => [`library/${model.name}:latest`, ollamaLayers(model)] as const)
    registry = await startRegistry({ models: Object.fromEntries(images) })
    port = await freePort()
    system = await openHome(folder)
  })
  afterAll(async () => {
    await system?.close()
    await registry?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** As that person types it; throws with all that it printed. */
  const type = async (...words: readonly string[]): Promise<string> => {
    const { exitCode, all } = await system.enter([...ann, ...words], session)
    if (exitCode !== 0) throw new Error(`${words.join(' ')}: exit code ${exitCode}\n${all}`)
    return all ?? ''
  }
  const show = (unit: string, property: string) => type('systemctl', '--user', 'show', '-P', property, unit)
  const until = async (what: string, holds: () => unknown): Promise<void> => {
    await system.until(what, holds).catch(async error => {
      const told = await system.run('journalctl', '-b', '-n', '60', '--no-pager', '-o', 'cat')
      const seen = await type('switchyard', 'describe', 'runtime', 'small').catch(String)
      throw new Error(`${error.message}\n${told}\n${seen}`)
    })
  }
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(system.path(file)), { recursive: true })
    writeFileSync(system.path(file), text)
  }
  /** A daemon without a unit, as long as something is done beside it. */
  const besideOneByHand = async (act: (pid: string) => Promise<unknown>): Promise<void> => {
    const environment = {
      ...session,
      SWITCHYARD_METRICS_ADDRESS: 'off',
      SWITCHYARD_REGISTRY_ENDPOINT: registry.url,
    }
    const daemon = system.enter([...ann, 'node', program, 'host'], environment)
    await until('it answers', () => type('node', program, 'get', 'models').catch(() => undefined))
    const pid = await type('pgrep', '-f', 'switchyard.mjs host')
    await act(pid)
    await type('kill', pid)
    await daemon
  }
  const toObject = (kind: string, name: string, spec: object) => ({
    apiVersion: 'switchyard.dev/v1alpha1',
    kind,
    metadata: { name },
    spec,
  })
  const apply = async (...objects: readonly object[]): Promise<void> => {
    write('/objects.yaml', objects.map(one => stringify(one)).join('---\n'))
    await type('switchyard', 'apply', '-f', '/objects.yaml')
  }
  const describe = (name: string) => type('switchyard', 'describe', 'runtime', name)
  const serves = (name: Name) =>
    until(`${name} answers`, async () => (await askWho(port).catch(() => '')).startsWith(answers[name]))
  const isActive = (name: Name) =>
    until(`${name} is active`, async () =>
      (await type('switchyard', 'get', 'runtime', 'small', '-o', 'json')).includes(`"model": "${name}"`),
    )

  it('is told what is missing before a systemd of his own runs, and by root', async () => {
    const install = ['node', program, 'install', '--user']
    const refused = async (words: readonly string[], environment: Readonly<Record<string, string>>) =>
      (await system.enter([...words], environment)).all
    expect(await refused([...ann, ...install], { ...session, XDG_RUNTIME_DIR: '' })).toContain(
      'export XDG_RUNTIME_DIR=/run/user/1001',
    )
    expect(await refused([...ann, ...install], session)).toContain('loginctl enable-linger ann')
    expect(await refused(install, {})).toContain('as root leave it away')
    expect(await refused([...ann, 'node', program, 'install'], session)).toContain(
      'or as yourself with --user',
    )
  })

  it('installs it into his own systemd, and says what that cannot do here', async () => {
    await system.run('systemctl', 'start', `user@${uid}.service`)
    write(
      `${home}/.config/switchyard/environment`,
      `SWITCHYARD_REGISTRY_ENDPOINT=${registry.url}\nSWITCHYARD_METRICS_ADDRESS=off\n`,
    )
    await system.run('chown', '-R', 'ann:', `${home}/.config`)
    await besideOneByHand(async pid => {
      const { all } = await system.enter([...ann, 'node', program, 'install', '--user'], session)
      expect(all).toContain(`end it (kill ${pid}), its engines go on`)
    })
    const told = await type('node', program, 'install', '--user')
    console.log(told)
    expect(told).toContain('ann does not linger')
    expect(told).toContain('Engines are not kept from the files of ann')
    const properties = ['ActiveState', 'Type', 'WatchdogUSec', 'UnitFileState']
    expect(await Promise.all(properties.map(one => show('switchyard', one)))).toEqual([
      ...['active', 'notify', '1min', 'enabled'],
    ])
    const { all } = await system.enter([...ann, 'switchyard', 'doctor'], session)
    expect(all).toContain('switchyard.service is active')
    const untold = await system.enter([...ann, 'switchyard', 'status'], { ...session, XDG_RUNTIME_DIR: '' })
    expect(untold.all).toContain('Nothing is here yet')
  })

  it('serves a model with the engine inside the program, as a unit, by a command alone', async () => {
    const models = names.map(name => ({ source: { ollama: { name } } }))
    const spec = { engine: 'LlamaCpp', activeModel: 'alpha', host: { port, hardening: 'Strict' } }
    await apply(
      ...models.map((one, n) => toObject('Model', names[n] ?? '', one)),
      toObject('Runtime', 'small', spec),
    )
    await serves('alpha')
    await isActive('alpha')
    expect(await show(engine, 'ActiveState')).toBe('active')
    expect(await type('switchyard', 'logs', 'small')).toContain('serving alpha')
  })

  it('has the daemon back after a kill, and the engine untouched', async () => {
    const [pid, daemon] = [await show(engine, 'MainPID'), await show('switchyard', 'MainPID')]
    await type('kill', '-9', daemon)
    await until('another daemon', async () => {
      const [now, state] = [await show('switchyard', 'MainPID'), await show('switchyard', 'ActiveState')]
      return now !== '0' && now !== daemon && state === 'active'
    })
    await until('what is lacking', async () =>
      (await describe('small')).includes('spec.host.hardening Strict is not whole'),
    )
    expect(await askWho(port)).toContain(answers.alpha)
    expect([await show(engine, 'MainPID'), await show(engine, 'NRestarts')]).toEqual([pid, '0'])
  })

  it('is updated by another install, which finds namespaces now, and leaves the engine alone', async () => {
    // As services of every machine do: systemd prepares a folder for the namespaces of all then.
    await system.run('systemd-run', '--quiet', '--wait', '--property=ProtectSystem=strict', 'true')
    const pid = await show(engine, 'MainPID')
    expect(await type('node', program, 'install', '--user')).not.toContain('not kept from the files')
    expect((await type('systemd-analyze', '--user', 'verify', 'switchyard.service', engine)).trim()).toBe('')
    const exposure = ['systemd-analyze', '--user', 'security', '--offline=true', '--threshold=30', engine]
    expect(await type(...exposure)).toMatch(/exposure level/)
    await until('nothing is lacking', async () => !(await describe('small')).includes('hardening'))
    expect([await show(engine, 'MainPID'), await show(engine, 'NRestarts')]).toEqual([pid, '0'])
  })

  it('switches to another model, whose engine is kept from what it has no business with', async () => {
    await type('switchyard', 'activate', 'beta', '--wait')
    await serves('beta')
    const pid = await show(engine, 'MainPID')
    const words = ['nsenter', '-t', pid, '--user', '--mount', '--preserve-credentials', '--']
    const inside = async (...more: string[]) => (await system.enter([...ann, ...words, ...more])).all
    expect(await inside('touch', `${home}/x`)).toContain('Read-only file system')
    expect(await inside('cat', `${home}/.local/state/switchyard/switchyard.db`)).toMatch(/denied/i)
    expect(await inside('ls', `${home}/.config/switchyard/secrets`)).toMatch(/denied/i)
    expect(await inside('ls', session.XDG_RUNTIME_DIR)).toMatch(/denied/i)
    expect(await inside('env', ...sessionWords, 'systemd-run', '--user', 'true')).toMatch(/Failed to connect/)
    expect(await inside('mkdir', `${home}/.cache/switchyard/compiled/x`)).toContain('Read-only file system')
    expect(await inside('touch', `${home}/.cache/switchyard/home/x`)).toBe('')
  })

  it('sees units of others: its own before those of the machine', async () => {
    const folder = `${home}/.config/systemd/user`
    write(`${folder}/theirs.service`, '[Service]\nExecStart=/usr/bin/sleep infinity\n')
    await type('systemctl', '--user', 'daemon-reload')
    const spec = (unit: string, taken = 'Ollama') => ({ engine: taken, host: { unit, port: 9 } })
    await apply(toObject('Runtime', 'own', spec('theirs.service')))
    await apply(toObject('Runtime', 'of-all', spec('systemd-journald.service')))
    await apply(toObject('Runtime', 'switched', spec('theirs.service', 'VLLM')))
    const says = (name: string, words: string) =>
      until(words, async () => (await describe(name)).includes(words))
    await says('own', 'does not run: systemctl --user start theirs.service')
    await says('of-all', 'unit systemd-journald.service runs')
    await says('switched', 'may be switched by the daemon of the machine alone')
    await system.run('rm', `${folder}/theirs.service`)
  })

  it('takes over the engine that a daemon begun by hand has left', async () => {
    const other = await freePort()
    const answersThere = () => askWho(other).catch(() => '')
    await type('systemctl', '--user', 'stop', 'switchyard')
    await besideOneByHand(async () => {
      await apply(
        toObject('Runtime', 'by-hand', { engine: 'LlamaCpp', activeModel: 'alpha', host: { port: other } }),
      )
      await until('it answers', async () => (await answersThere()).startsWith(answers.alpha))
    })
    await type('systemctl', '--user', 'start', 'switchyard')
    expect(await answersThere()).toContain(answers.alpha)
    expect(await show('switchyard-runtime@by-hand', 'ActiveState')).toBe('inactive')
  })

  it('leaves nothing but the models when it is uninstalled', async () => {
    expect(await type('node', program, 'uninstall', '--user')).toContain('.local/state/switchyard/models')
    const places = [home, '/etc', '/var/lib', '/run/user', '/usr/local']
    const left = (await system.run('find', ...places, '-xdev', '-iname', '*switchyard*')).split('\n')
    expect(left.filter(path => !path.startsWith(`${home}/.local/state/switchyard/models/`))).toEqual([
      `${home}/.local/state/switchyard`,
    ])
    expect(await system.run('ls', `${home}/.local/state/switchyard`)).toBe('models')
    expect((await system.enter(['pgrep', '-f', 'switchyard'])).stdout).toBe('')
    expect(await type('systemctl', '--user', 'list-units', '--all', '--no-legend', 'switchyard*')).toBe('')
    expect(await system.run('find', `${home}/.local/state/switchyard`, '-name', 'sha256-*')).not.toBe('')
  })
})
