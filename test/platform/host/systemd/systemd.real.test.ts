// Switchyard on a machine where systemd is the first process: units, rights, limits, and the contract of the engines inside.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asDaemon, openInstalled, repository } from '../../../systemd/installed.ts'
import { whyNoSystem } from '../../../systemd/system.ts'

const why = whyNoSystem()
if (why) console.log(`left out: ${why}`)

describe.skipIf(why)('Switchyard under systemd', () => {
  let system: Awaited<ReturnType<typeof openInstalled>>
  beforeAll(async () => {
    system = await openInstalled()
  })
  afterAll(() => system?.close())

  it('14. Shipped units pass `systemd-analyze verify` and start', async () => {
    const units = [
      'switchyard.service',
      'switchyard-runtime@gpu-a.service',
      'switchyard-compat@a.service',
      'switchyard-none@a.service',
    ]
    const { exitCode, all } = await system.enter(['systemd-analyze', 'verify', ...units])
    expect([exitCode, all]).toEqual([0, ''])
    const show = (name: string) => system.run('systemctl', 'show', '-P', name, 'switchyard')
    expect(await Promise.all(['ActiveState', 'Type', 'User', 'NRestarts'].map(show))).toEqual([
      ...['active', 'notify', 'switchyard', '0'],
    ])
    const log = () => system.run('journalctl', '-u', 'switchyard', '-o', 'cat')
    await system.until('its log', async () => (await log()).includes('units of systemd'))
  })

  it('answers the commands of a person', async () => {
    const { exitCode, all } = await system.enter(['switchyard', 'get', 'models'])
    expect([exitCode, all]).toEqual([0, expect.stringContaining('nothing is in namespace default')])
  })

  it('has a socket that members of its group may open, and nobody else', async () => {
    const socket = '/run/switchyard/switchyard.sock'
    expect(await system.run('stat', '-c', '%U:%G %a', socket)).toBe('switchyard:switchyard 660')
    await system.run('useradd', '--no-create-home', 'ann')
    const asAnn = ['setpriv', '--reuid=ann', '--regid=ann']
    const get = (groups: string) =>
      system.enter([...asAnn, groups, 'switchyard', '--socket', socket, 'get', 'models'])
    expect((await get('--clear-groups')).exitCode).toBe(4)
    expect((await get('--groups=switchyard')).exitCode).toBe(0)
  })

  it.each([
    ['switchyard.service', 1.5],
    ['switchyard-runtime@gpu-a.service', 3.0],
  ])('%s is exposed at most %d', async (unit, most) => {
    const threshold = String(most * 10)
    const { exitCode, stdout } = await system.enter([
      'systemd-analyze',
      'security',
      '--offline=true',
      `--threshold=${threshold}`,
      unit,
    ])
    expect([exitCode, /exposure level for .*: ([\d.]+)/.exec(stdout)?.[1]]).toEqual([
      0,
      expect.stringMatching(/\d/),
    ])
  })

  it('may start no unit but those of its engines', async () => {
    await system.run('systemd-run', '--unit=strange', 'sleep', '1000')
    const { exitCode, all } = await system.enter([
      ...asDaemon,
      'systemctl',
      '--no-ask-password',
      'stop',
      'strange',
    ])
    expect([exitCode, all]).toEqual([1, expect.stringMatching(/authentication required|Access denied/i)])
    expect(await system.run('systemctl', 'is-active', 'strange')).toBe('active')
  })

  it('keeps every promise of engines, without root', async () => {
    const vitest = [`${repository}/node_modules/vitest/vitest.mjs`, 'run', '--root', repository]
    const words = [
      ...vitest,
      '--configLoader',
      'runner',
      '--config',
      `${repository}/test/systemd/vitest.inside.ts`,
      'unit-servings',
    ]
    const { exitCode, all } = await system.enter([...asDaemon, 'node', ...words], {
      NO_COLOR: '1',
      HOME: '/tmp',
    })
    console.log(all)
    expect(exitCode, all).toBe(0)
  }, 120_000)
})
