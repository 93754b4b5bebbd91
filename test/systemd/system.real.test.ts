// The machine itself that tests of systemd stand on: it boots quickly, keeps what is on disk, and goes without a trace.
import { readdirSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { openSystem, type System, whyNoSystem } from './system.ts'

const why = whyNoSystem()
if (why) console.log(`left out: ${why}`)

describe.skipIf(why)('real systemd in a box', () => {
  let system: System
  afterAll(() => system?.close())

  it('boots', async () => {
    const before = performance.now()
    system = await openSystem()
    console.log(`systemd booted in ${Math.round(performance.now() - before)} ms`)
    expect(await system.run('cat', '/proc/1/comm')).toBe('systemd')
    expect(await system.run('systemctl', '--failed', '--no-legend')).toBe('')
  })

  it('sees its own processes alone', async () => {
    expect(Number(await system.run('pgrep', '-c', '.'))).toBeLessThan(30)
  })

  it('runs transient units, keeps their output, and ends all of a cgroup', async () => {
    await system.run('systemd-run', '--wait', '--unit=says', 'echo', 'good morning')
    await system.until('its line', async () =>
      (await system.run('journalctl', '-u', 'says', '-o', 'cat')).includes('good morning'),
    )
  })

  it.each(['cut', 'shutDown'] as const)('keeps its disk over a reboot: %s', async how => {
    await system.run('touch', `/var/lib/${how}`, `/run/${how}`)
    await system[how]()
    await system.boot()
    await system.run('test', '-e', `/var/lib/${how}`)
    await expect(system.run('test', '-e', `/run/${how}`)).rejects.toThrow('exit code 1')
  })

  it('leaves nothing running', async () => {
    const before = readdirSync('/proc').filter(name => /^\d+$/.test(name)).length
    await system.cut()
    expect(readdirSync('/proc').filter(name => /^\d+$/.test(name)).length).toBeLessThan(before)
  })
})
