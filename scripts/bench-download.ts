// `npm run bench:download`: our download, started as in its image, against curl, curl with a hash after it, aria2c and the Hub's client.
// Ratios count; absolute rates are of a machine that runs the server too. `--json` prints one line; `--mebibytes N` (1024), `--rounds N` (3),
// `--only PART` (plain, tls, capped, resentAfterKill, memory; may be repeated).
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { workerFlags } from '../src/program/node-flags.ts'
import { ofEndless, wholeWorker } from './bench-download/memory.ts'
import { bundle } from './build.ts'
import { nodeEnvironment } from './image.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    mebibytes: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '3' },
    kills: { type: 'string', default: '11' },
    only: { type: 'string', multiple: true },
  },
})
const size = Number(values.mebibytes) * 2 ** 20
const rounds = Number(values.rounds)
const folder = mkdtempSync(join(tmpdir(), 'bench-download-'))
const target = join(folder, 'blob')
const say = (line: string): void => console.error(line)
const here = (name: string): string => new URL(`./bench-download/${name}`, import.meta.url).pathname

interface Source {
  readonly url: string
  readonly hex: string
  sent(): Promise<number>
  stop(): void
}

interface SourceOptions {
  readonly perConnection?: number
  readonly tls?: { readonly key: string; readonly cert: string }
  readonly bytes?: number
}

async function startSource({ perConnection = 0, tls, bytes = size }: SourceOptions = {}): Promise<Source> {
  const args = [here('source.mjs'), String(bytes), String(perConnection), ...(tls ? [tls.key, tls.cert] : [])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [first] = (await once(lines, 'line')) as [string]
  const [, port, hex = ''] = first.split(' ')
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/blob`,
    hex,
    sent: async () => {
      const line = once(lines, 'line') as Promise<[string]>
      child.kill('SIGUSR2')
      return Number((await line)[0].split(' ')[1])
    },
    stop: () => void child.kill(),
  }
}

const clean = (): void => {
  for (const name of [target, `${target}.journal`]) rmSync(name, { force: true })
}

interface Cost {
  readonly seconds: number
  readonly cpu?: number
  readonly peakMegabytes?: number
  readonly afterLastByte?: number
}

const env = (): Record<string, string> => ({
  ...nodeEnvironment,
  NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem'),
})

async function timed(
  program: string,
  args: readonly string[],
  more: readonly string[][] = [],
): Promise<Cost> {
  clean()
  const begun = performance.now()
  const { stdout } = await execa(program, args, { env: env() })
  for (const [next = '', ...rest] of more) await execa(next, rest)
  const seconds = (performance.now() - begun) / 1000
  const said = stdout.startsWith('{') ? (JSON.parse(stdout) as Omit<Cost, 'seconds'>) : {}
  return { seconds, ...said }
}

const curl = (url: string) => timed('curl', ['-ksS', '-o', target, url])
const curlThen = (url: string, hash: readonly string[]) =>
  timed('curl', ['-ksS', '-o', target, url], [[...hash, target]])
/** Bundled like the worker of the image. */
const program = await bundle(join(folder, 'fetch.mjs'), here('fetch.ts'))
const oursOf = ({ url, hex }: Source) => [...workerFlags, program, url, target, String(size), hex]
const ours = (source: Source) => timed(process.execPath, oursOf(source))
const hubClient = ({ url }: Source) =>
  timed(process.execPath, [here('hub-client.ts'), new URL(url).origin, target])
const aria = (url: string) =>
  timed('aria2c', [
    '-q',
    '-x16',
    '-s16',
    '-k1M',
    '--check-certificate=false',
    '-d',
    folder,
    '-o',
    'blob',
    url,
  ])

const median = (list: readonly number[]): number =>
  [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0
const secondsOf = (costs: readonly Cost[]): number => median(costs.map(cost => cost.seconds))

/** Each contender once per round, so that the machine's moods fall on all of them. */
async function compare<K extends string>(
  contenders: Record<K, () => Promise<Cost>>,
): Promise<Record<K, Cost[]>> {
  const names = Object.keys(contenders) as K[]
  const costs = Object.fromEntries(names.map(name => [name, []])) as unknown as Record<K, Cost[]>
  for (let round = 0; round < rounds; round++)
    for (const name of names) {
      costs[name].push(await contenders[name]())
      say(`  ${name}: ${costs[name].at(-1)?.seconds.toFixed(2)} s`)
    }
  return costs
}

async function plain() {
  const source = await startSource()
  say(`plain HTTP, ${values.mebibytes} MiB`)
  const { url } = source
  const costs = await compare({
    curl: () => curl(url),
    ours: () => ours(source),
    curlThenOpenssl: () => curlThen(url, ['openssl', 'dgst', '-sha256']),
    curlThenSha256sum: () => curlThen(url, ['sha256sum']),
    hubClient: () => hubClient(source),
  })
  source.stop()
  const mine = secondsOf(costs.ours)
  return {
    vsCurl: secondsOf(costs.curl) / mine,
    vsCurlThenOpenssl: secondsOf(costs.curlThenOpenssl) / mine,
    vsCurlThenSha256sum: secondsOf(costs.curlThenSha256sum) / mine,
    vsHubClient: secondsOf(costs.hubClient) / mine,
    cpuSecondsPerGigabyte: median(costs.ours.map(cost => cost.cpu ?? 0)) / (size / 1e9),
    peakMebibytes: median(costs.ours.map(cost => cost.peakMegabytes ?? 0)),
    millisecondsAfterLastByte: median(costs.ours.map(cost => cost.afterLastByte ?? 0)),
  }
}

async function tls() {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      cert,
      ...subject,
    ],
    { stdio: 'ignore' },
  )
  const source = await startSource({ tls: { key, cert } })
  say('TLS')
  const costs = await compare({ curl: () => curl(source.url), ours: () => ours(source) })
  source.stop()
  const cpuSecondsPerGigabyte = median(costs.ours.map(cost => cost.cpu ?? 0)) / (size / 1e9)
  return { vsCurl: secondsOf(costs.curl) / secondsOf(costs.ours), cpuSecondsPerGigabyte }
}

async function capped() {
  if ((await execa('aria2c', ['--version'], { reject: false })).failed)
    return 'left out: aria2c is not installed'
  const source = await startSource({ perConnection: 40e6 })
  say('40 MB/s per connection')
  const costs = await compare({ aria: () => aria(source.url), ours: () => ours(source) })
  source.stop()
  return { vsAria2x16: secondsOf(costs.aria) / secondsOf(costs.ours) }
}

/** Bytes that are fetched again because of a kill −9 in the middle, beyond the size of the blob. */
async function kills() {
  const source = await startSource()
  const again: number[] = []
  const whole = (await ours(source)).seconds
  for (let n = 0; n < Number(values.kills); n++) {
    clean()
    const before = await source.sent()
    const args = oursOf(source)
    const child = spawn(process.execPath, args, { stdio: 'ignore' })
    await sleep(whole * 1000 * (0.3 + 0.05 * n))
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await execa(process.execPath, args)
    if (child.signalCode === null) continue // it was faster than the kill
    again.push(((await source.sent()) - before - size) / (1 << 20))
  }
  source.stop()
  return { medianMebibytes: median(again), mostMebibytes: Math.max(...again) }
}

/** Peaks: of the worker with everything that is in its bundle, and of a blob of 450 GB, also over eight connections of 30 MB/s. */
async function memory() {
  say('memory')
  const whole = await bundle(join(folder, 'whole', 'switchyard.mjs'))
  const volume = join(folder, 'volume')
  mkdirSync(volume)
  const worker = await wholeWorker(whole, folder, size)
  rmSync(volume, { recursive: true })
  return { worker, of450Gigabytes: await of450(0), with8Connections: await of450(30e6, 8) }
}

async function of450(perConnection: number, connections?: number) {
  const size = 450e9
  const source = await startSource({ bytes: size, perConnection })
  clean()
  const parts = perConnection > 0 ? [3e9, 1e9] : [6e9, 3e9]
  const peak = await ofEndless(program, target, {
    ...source,
    size,
    parts,
    ...(connections ? { connections } : {}),
  })
  source.stop()
  clean()
  return peak
}

const parts = { plain, tls, capped, resentAfterKill: kills, memory }
const unknown = values.only?.find(name => !Object.hasOwn(parts, name))
if (unknown) throw new Error(`--only ${unknown}: the parts are ${Object.keys(parts).join(', ')}`)
const figures: Record<string, unknown> = {}
for (const [name, measure] of Object.entries(parts))
  if (!values.only || values.only.includes(name)) figures[name] = await measure()
rmSync(folder, { recursive: true, force: true })
console.log(values.json ? JSON.stringify(figures) : JSON.stringify(figures, null, 2))
