// `switchyard host` as a process of this machine, in a folder of the test's, with the stand-ins of engine and hub; killed and begun again at will.
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { stringify } from 'yaml'
import { bundle } from '../../scripts/build.ts'
import type { Runtime } from '../../src/domain/object.ts'
import { HostDatabase } from '../../src/platform/host/host-database.ts'
import { HostJournal } from '../../src/platform/host/host-journal.ts'
import { HostObjects } from '../../src/platform/host/host-objects.ts'
import { findProcesses, isAlive, type ProcessMark } from '../../src/platform/host/process-mark.ts'
import { ServingRecords } from '../../src/platform/host/serving-records.ts'
import { WorkRecords } from '../../src/platform/host/work-records.ts'
import { type Input, typed } from '../cli/cli-process.ts'
import { bundleEngine } from '../stand-ins/engine/bundle.ts'
import { freePort } from '../stand-ins/engine/start.ts'

export interface HostWish {
  readonly hubUrl?: string
  readonly registryUrl?: string
  /** of the engines */
  readonly engine?: Readonly<Record<string, string>>
  /** folder of the engines' programs; absent: those of the stand-in */
  readonly programs?: string
}

export const openMachine = async ({ hubUrl, registryUrl, engine = {}, programs }: HostWish) => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-machine-'))
  const at = (...names: string[]): string => join(folder, ...names)
  const program = await bundle(at('program', 'switchyard.mjs'))
  if (programs === undefined) await bundleEngine(at('bin'), process.execPath)
  mkdirSync(at('manifests'))
  const lines: string[] = []
  const metricsAddress = `127.0.0.1:${await freePort()}`
  const environment = {
    PATH: `${programs ?? at('bin')}:${process.env['PATH']}`,
    HOME: folder,
    SWITCHYARD_STATE_FOLDER: at('state'),
    SWITCHYARD_MANIFESTS_FOLDER: at('manifests'),
    SWITCHYARD_SECRETS_FOLDER: at('secrets'),
    SWITCHYARD_METRICS_ADDRESS: metricsAddress,
    ...(hubUrl ? { SWITCHYARD_HUB_ENDPOINT: hubUrl } : {}),
    ...(registryUrl ? { SWITCHYARD_REGISTRY_ENDPOINT: registryUrl } : {}),
    ...engine,
  }
  const begin = () => {
    const how = { all: true, reject: false, extendEnv: false, forceKillAfterDelay: false } as const
    const daemon = execa(process.execPath, [program, 'host'], { env: environment, ...how })
    daemon.all.setEncoding('utf8').on('data', (text: string) => lines.push(text))
    return daemon
  }

  /** As a person at a terminal of this machine. */
  const type = (words: readonly string[], input?: Input) =>
    typed(program, words, { environment, ...(input === undefined ? {} : { input }) })

  /** As another program of this machine. */
  const send = async (method: string, path: string): Promise<IncomingMessage> => {
    const sent = request({ socketPath: at('state', 'switchyard.sock'), method, path })
    const [answer] = (await once(sent.end(), 'response')) as [IncomingMessage]
    return answer
  }
  /** The status of the answer. */
  const ask = async (method: string, path: string): Promise<number | undefined> =>
    (await send(method, path)).resume().statusCode
  const look = async (path: string): Promise<unknown> => json(await send('GET', path))

  /** Each version of these objects from one daemon to the next, until the signal. */
  async function* watch(path: string, signal: AbortSignal): AsyncGenerator<{ readonly object: unknown }> {
    for (; !signal.aborted; await sleep(20)) {
      const answer = await send('GET', `${path}&watch=true`).catch(() => undefined)
      if (answer) yield* linesOf(answer, signal)
    }
  }

  /** As an editor or Git does: the new file takes the old one's place. */
  const write = (name: string, objects: readonly object[]): void => {
    writeFileSync(at('manifests', `.${name}`), objects.map(one => stringify(one)).join('---\n'))
    renameSync(at('manifests', `.${name}`), at('manifests', name))
  }

  /** What stands in the store; only while no daemon runs. */
  const read = <T>(look: (database: HostDatabase) => T): T => {
    const database = new HostDatabase(at('state', 'switchyard.db'))
    try {
      return look(database)
    } finally {
      database.close()
    }
  }
  const engineOf = (name: string): ProcessMark | undefined =>
    read(database => new ServingRecords(database).all().find(one => one.name === name)?.run?.mark)
  const worksOf = () => read(database => new WorkRecords(database).all())
  const objects = () =>
    read(database => {
      const all = new HostObjects(database)
      return [...all.list('Model'), ...(all.list('Runtime') as readonly Runtime[])]
    })
  const journalOf = (uid: string) => read(database => new HostJournal(database, () => new Date()).read(uid))

  const close = (): void => {
    const tokens = read(database => [
      ...new ServingRecords(database).all().map(({ run }) => run?.token ?? ''),
      ...new WorkRecords(database).all().map(({ token }) => token),
    ])
    for (const token of tokens.filter(Boolean))
      for (const mark of findProcesses(token)) if (isAlive(mark)) process.kill(mark.pid, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  const scrape = async (): Promise<string> => (await fetch(`http://${metricsAddress}/metrics`)).text()
  const starts = (): number => lines.join('').split('switchyard host runs').length - 1
  return {
    /** folder of the engines' programs */
    programs: programs ?? at('bin'),
    begin,
    starts,
    scrape,
    type,
    ask,
    look,
    watch,
    write,
    engineOf,
    worksOf,
    objects,
    journalOf,
    close,
    log: () => lines.join(''),
  }
}

/** A daemon that was killed leaves a line without an end. */
async function* linesOf(answer: IncomingMessage, signal: AbortSignal): AsyncGenerator<{ object: unknown }> {
  const end = (): void => void answer.destroy()
  signal.addEventListener('abort', end, { once: true })
  let rest = ''
  try {
    for await (const part of answer.setEncoding('utf8')) {
      const lines = `${rest}${part}`.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines.filter(Boolean)) yield JSON.parse(line)
    }
  } catch (error) {
    if (!signal.aborted && (error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}
