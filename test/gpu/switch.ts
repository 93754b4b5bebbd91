// On a machine with an NVIDIA GPU: `switchyard host` switches models of which two never fit on the device at once, and each load finds the
// memory free. Prints one JSON line; exits 1 when a sentence of it does not hold. Bundled and run by hand: docs/testing.md says how.
import { spawn } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { Runtime } from '../../src/domain/object.ts'
import { HostDatabase } from '../../src/platform/host/host-database.ts'
import { HostObjects } from '../../src/platform/host/host-objects.ts'
import { findProcesses, isAlive } from '../../src/platform/host/process-mark.ts'
import { ServingRecords } from '../../src/platform/host/serving-records.ts'
import { filesOfFolder, startHub } from '../stand-ins/hub.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'

const [program = '', engine = ''] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'switchyard-gpu-'))
const at = (...names: string[]): string => join(folder, ...names)
const port = 18_000
const answers = { alpha: 'I am alpha.', beta: 'And I am beta.', gamma: 'Never said.' }
type Name = keyof typeof answers

const hub = await startHub({
  repos: (Object.keys(answers) as Name[]).map(name => {
    const model = writeTinyModel(at(name), {
      name,
      answer: answers[name],
      padBytes: 40_000_000,
      forms: ['huggingFace'],
    })
    return { id: `tiny/${name}`, files: filesOfFolder(model.folder) }
  }),
})

mkdirSync(at('bin'))
mkdirSync(at('manifests'))
copyFileSync(engine, at('bin/vllm'))
chmodSync(at('bin/vllm'), 0o755)

const write = (name: string, objects: readonly object[]): void => {
  writeFileSync(at('manifests', `.${name}`), objects.map(one => stringify(one)).join('---\n'))
  renameSync(at('manifests', `.${name}`), at('manifests', name))
}
const apiVersion = 'switchyard.dev/v1alpha1'
const wish = (activeModel: Name, utilization = '0.6'): void =>
  write('gpu.yaml', [
    {
      apiVersion,
      kind: 'Runtime',
      metadata: { name: 'gpu' },
      spec: {
        engine: 'VLLM',
        activeModel,
        engineArgs: [`--gpu-memory-utilization=${utilization}`],
        host: { port },
        switch: { drainSeconds: 1 },
      },
    },
  ])

const log: string[] = []
const begin = (linger: number) => {
  const env = {
    ...process.env,
    PATH: `${at('bin')}:${process.env['PATH']}`,
    SWITCHYARD_STATE_FOLDER: at('state'),
    SWITCHYARD_MANIFESTS_FOLDER: at('manifests'),
    SWITCHYARD_SECRETS_FOLDER: at('secrets'),
    SWITCHYARD_HUB_ENDPOINT: hub.url,
    ENGINE_NOTES: at('notes'),
    LINGER: String(linger),
  }
  const child = spawn(process.execPath, [program, 'host'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => log.push(String(data)))
  return child
}
const ended = (child: ReturnType<typeof begin>, signal: NodeJS.Signals): Promise<unknown> => {
  const end = new Promise(resolve => child.once('exit', resolve))
  child.kill(signal)
  return end
}

const ask = async (): Promise<string | undefined> => {
  const messages = [{ role: 'user', content: 'Who are you?' }]
  const body = JSON.stringify({ model: 'active', messages, max_tokens: 32 })
  const headers = { 'content-type': 'application/json' }
  const url = `http://127.0.0.1:${port}/v1/chat/completions`
  const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined)
  const told = (await answer?.json().catch(() => undefined)) as
    | { choices?: readonly { message: { content: string } }[] }
    | undefined
  return told?.choices?.[0]?.message.content
}
const until = async (name: Name): Promise<number> => {
  const start = Date.now()
  while (Date.now() - start < 120_000) {
    const told = await ask()
    if (told?.includes(answers[name])) return Date.now() - start
    await sleep(50)
  }
  throw new Error(`no answer of ${name}\n${log.slice(-60).join('')}`)
}
interface Sight {
  readonly what: string
  readonly free: number
  readonly total: number
}
const notes = (): readonly Sight[] =>
  readFileSync(at('notes'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Sight)
const runtime = (): Runtime => {
  const database = new HostDatabase(at('state', 'switchyard.db'))
  try {
    return new HostObjects(database).list('Runtime')[0] as Runtime
  } finally {
    database.close()
  }
}

write(
  'models.yaml',
  (Object.keys(answers) as Name[]).map(name => ({
    apiVersion,
    kind: 'Model',
    metadata: { name },
    spec: { source: { huggingFace: { repo: `tiny/${name}` } }, runtimes: [{ name: 'gpu' }] },
  })),
)

/** One daemon, some switches there and back. */
const switches = async (linger: number, rounds: number): Promise<number[]> => {
  const took: number[] = []
  wish('alpha')
  const daemon = begin(linger)
  await until('alpha')
  for (let n = 0; n < rounds; n++)
    for (const name of ['beta', 'alpha'] as const) {
      wish(name)
      took.push(await until(name))
    }
  await ended(daemon, 'SIGTERM')
  return took
}

/** The daemon is killed as soon as the old engine was told to go. */
const killed = async (): Promise<number> => {
  const daemon = begin(3)
  await until('alpha')
  wish('beta')
  for (; (await ask()) !== undefined; ) await sleep(20)
  await ended(daemon, 'SIGKILL')
  const next = begin(3)
  const took = await until('beta')
  await ended(next, 'SIGTERM')
  return took
}

/** More than the device has: the load fails for real, and the model before comes back. */
const tooLarge = async () => {
  const daemon = begin(0)
  await until('beta')
  wish('gamma', '1.5')
  for (; (await ask()) !== undefined; ) await sleep(20)
  const took = await until('beta')
  await sleep(2_000)
  await ended(daemon, 'SIGTERM')
  const { lastSwitch, conditions } = runtime().status ?? {}
  return { took, lastSwitch, ready: conditions?.find(({ type }) => type === 'Ready') }
}

/** The engine goes on when its daemon ends: nothing of it is to stay on the device. */
const endEngine = (): void => {
  const database = new HostDatabase(at('state', 'switchyard.db'))
  const tokens = new ServingRecords(database).all().map(({ run }) => run?.token ?? '')
  database.close()
  for (const token of tokens.filter(Boolean))
    for (const mark of findProcesses(token)) if (isAlive(mark)) process.kill(mark.pid, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}

const prompt = await switches(0, 2)
const lingering = await switches(4, 2)
const afterKill = await killed()
const back = await tooLarge()
const starts = notes().filter(({ what }) => what === 'start')
const leastFree = Math.min(...starts.map(({ free, total }) => free / total))
const isRight = leastFree > 0.9 && back.lastSwitch?.result === 'RolledBack'
console.log(JSON.stringify({ prompt, lingering, afterKill, back, loads: starts.length, leastFree, isRight }))
if (!isRight) console.log(log.slice(-80).join(''), readFileSync(at('notes'), 'utf8'))
endEngine()
process.exit(isRight ? 0 : 1)
