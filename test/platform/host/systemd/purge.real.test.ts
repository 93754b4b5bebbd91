// `uninstall --purge-models` and the person at the terminal: a real one, in a box with Switchyard installed in it.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openInstalled } from '../../../systemd/installed.ts'
import { whyNoSystem } from '../../../systemd/system.ts'

const why = whyNoSystem() ?? (existsSync('/usr/bin/script') ? undefined : 'script (util-linux) is not there')
if (why) console.log(`left out: ${why}`)

const words = ['node', '/opt/bundle/switchyard.mjs', 'uninstall', '--purge-models']
const question = 'Delete every model in /var/lib/switchyard/models? What lies elsewhere stays. Type yes: '
const weights = '/var/lib/switchyard/models/hub/models--tiny--alpha/blobs/weights'

describe.skipIf(why)('uninstall --purge-models', () => {
  let system: Awaited<ReturnType<typeof openInstalled>>

  beforeAll(async () => {
    system = await openInstalled()
    mkdirSync(system.path(weights.slice(0, weights.lastIndexOf('/'))), { recursive: true })
    writeFileSync(system.path(weights), 'of a model')
  })
  afterAll(() => system?.close())

  /** What a person sees who types this when the question stands there, and how it ends. */
  const answer = async (keys: string) => {
    const terminal = system.enter(
      ['script', '--quiet', '--return', '--command', words.join(' '), '/dev/null'],
      {},
      'pipe',
    )
    let seen = ''
    terminal.all.setEncoding('utf8').on('data', (text: string) => {
      if (!seen.includes('Type yes: ') && (seen + text).includes('Type yes: ')) terminal.stdin?.write(keys)
      seen += text
    })
    const { exitCode } = await terminal
    return { exitCode, seen: seen.replaceAll('\r', '').replaceAll(/\x1b\[\d*[A-Z]/g, '') }
  }
  const expectUntouched = async (): Promise<void> => {
    expect(existsSync(system.path(weights))).toBe(true)
    for (const path of [
      '/etc/systemd/system/switchyard.service',
      '/usr/local/lib/switchyard',
      '/var/lib/switchyard',
    ])
      expect(existsSync(system.path(path)), path).toBe(true)
    expect((await system.enter(['systemctl', 'is-active', 'switchyard'])).stdout).toBe('active')
  }

  it('is refused where nobody can be asked', async () => {
    const { exitCode, all } = await system.enter(words)
    expect([exitCode, all]).toEqual([
      1,
      'switchyard: --purge-models asks first: without a terminal say --yes too',
    ])
    await expectUntouched()
  })

  it.each([
    ['no', 'no\r'],
    ['nothing but Enter', '\r'],
    ['YES', 'YES\r'],
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ])('asks, and %s touches nothing', async (_, keys) => {
    const { exitCode, seen } = await answer(keys)
    expect(exitCode, seen).toBe(1)
    expect(seen).toContain(question)
    expect(seen).toContain(
      'switchyard: nothing was touched: uninstall without --purge-models keeps the models',
    )
    await expectUntouched()
  })

  it('takes the models with it when the answer is yes', async () => {
    const { exitCode, seen } = await answer('yes\r')
    expect(exitCode, seen).toBe(0)
    expect(seen.endsWith('Gone.\n'), seen).toBe(true)
    for (const path of [
      '/var/lib/switchyard',
      '/usr/local/lib/switchyard',
      '/etc/systemd/system/switchyard.service',
    ])
      expect(existsSync(system.path(path)), path).toBe(false)
  })
})
