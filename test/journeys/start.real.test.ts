// `npm start -- --once` as a newcomer runs it: an ordinary user with an empty home, no GPU, no cluster, no engine; the Hub is out of reach.
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, describe, expect, it } from 'vitest'
import { whyNotAsOther } from '../builders/other-user.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { expectStory } from './story.ts'

const start = fileURLToPath(new URL('../../scripts/start.ts', import.meta.url))
const golden = new URL('./golden/start.txt', import.meta.url)
const nobody = 65_534
const whyNotNobody = whyNotAsOther()
if (whyNotNobody) console.log(`npm start is run by whoever runs the tests: ${whyNotNobody}`)
const folder = mkdtempSync(join(tmpdir(), 'switchyard-newcomer-'))
const [home, temporary] = [join(folder, 'home'), join(folder, 'tmp')]
for (const one of [home, temporary]) mkdirSync(one)
chmodSync(folder, 0o755)
if (!whyNotNobody) for (const one of [home, temporary]) chownSync(one, nobody, nobody)

/** How a machine reaches the npm registry is the machine's; everything else a newcomer does not have. */
const ofNetwork = /^(npm_config_registry|(https?|no|all)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR))$/i
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => ofNetwork.test(name))),
  // Node and npm, and no engine that the machine may have.
  PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
  HOME: home,
  TMPDIR: temporary,
  NO_COLOR: '1',
  // Nobody listens there.
  SWITCHYARD_HUB_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
}

const run = (...words: readonly string[]) =>
  execa(process.execPath, [start, '--once', ...words], {
    env: environment,
    extendEnv: false,
    reject: false,
    all: true,
    timeout: 300_000,
    ...(whyNotNobody ? {} : { uid: nobody, gid: nobody }),
  })

/** What differs from run to run is taken away: times, the folder, ports and process numbers. */
const saidIn = (output: string): readonly string[] =>
  output.split('\n').map(line =>
    line
      .replace(/^ *\d+\.\d s {2}/, '')
      .replaceAll(/\/\S*switchyard-start-\w+/g, 'FOLDER')
      .replaceAll(/127\.0\.0\.1:\d{2,}/g, '127.0.0.1:PORT')
      .replaceAll(/process \d+/g, 'process PID')
      .replaceAll(/\d+(\.\d+)? s\b/g, 'TIME')
      .trimEnd(),
  )

const processesIn = async (): Promise<string> =>
  (await execa('ps', ['-eo', 'pid,args', '-ww'])).stdout
    .split('\n')
    .filter(line => line.includes(folder))
    .join('\n')

const ping = await execa('npm', ['view', 'node-llama-cpp@3.22.1', 'version'], {
  reject: false,
  timeout: 60_000,
})
const reason = ping.failed ? `the npm registry cannot be reached: ${ping.stderr.split('\n')[0]}` : undefined
if (reason) console.log(`npm start is not tried: ${reason}`)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.skipIf(reason !== undefined)('npm start -- --once', () => {
  it('fetches an engine, serves a model, answers, switches, answers again, and leaves nothing', async () => {
    const { all = '', exitCode } = await run('--engine', 'LlamaCpp')
    const lines = saidIn(all)
    expect(exitCode, all).toBe(0)
    expectStory({ lines, end: () => undefined }, golden)
    console.log(/from the first line to the first answer: .*/.exec(all)?.[0])
    expect(await processesIn()).toBe('')
    expect(readdirSync(temporary).filter(name => name.startsWith('switchyard-start-'))).toEqual([])
    expect(readdirSync(home).filter(name => !['.npm', '.cache'].includes(name))).toEqual([])
  }, 360_000)

  it('ends with 1 and a sentence for an engine that is none', async () => {
    const { all, exitCode } = await run('--engine', 'Abacus')
    expect([exitCode, all.trim().split('\n').at(-1)]).toEqual([
      1,
      expect.stringContaining('--engine: Abacus is not one of Ollama, VLLM, LlamaCpp'),
    ])
  }, 60_000)
})
