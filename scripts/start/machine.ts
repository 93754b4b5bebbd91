// The controller of the story as a process of this machine, with a folder of its own, and the commands that a person types to it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import type { Client } from '../../src/cli/client.ts'
import { createHostClient } from '../../src/cli/host-client.ts'
import type { EngineName } from '../../src/domain/parts.ts'
import { freePort } from '../../test/stand-ins/engine/start.ts'
import { bundle } from '../build.ts'
import type { StoryModel, StoryModels } from './models.ts'
import type { Teller } from './teller.ts'

export interface Machine {
  readonly client: Client
  /** of the engine */
  readonly address: string
  /** what a person sets in a shell to look around */
  readonly exports: readonly string[]
  /** Runs a command and shows it with what it says; throws when it fails. */
  type(...words: readonly string[]): Promise<void>
  /** The objects of the story as a file, written anew. */
  write(models: StoryModels, engine: EngineName): { readonly path: string; readonly text: string }
  /** Unloads, then ends the controller: nothing that was started here stays. */
  stop(): Promise<void>
}

export const startMachine = async (
  folder: string,
  hubEndpoint: string | undefined,
  teller: Teller,
): Promise<Machine> => {
  const at = (...names: string[]): string => join(folder, ...names)
  mkdirSync(at('program'), { recursive: true })
  const program = await bundle(at('program', 'switchyard.mjs'))
  const environment = {
    SWITCHYARD_STATE_FOLDER: at('state'),
    SWITCHYARD_MANIFESTS_FOLDER: at('manifests'),
    SWITCHYARD_SECRETS_FOLDER: at('secrets'),
    SWITCHYARD_SOCKET: at('switchyard.sock'),
    SWITCHYARD_METRICS_ADDRESS: 'off',
    ...(hubEndpoint ? { SWITCHYARD_HUB_ENDPOINT: hubEndpoint } : {}),
  }
  const run = (words: readonly string[]) =>
    execa(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...words], {
      env: environment,
      stdio: ['ignore', 'inherit', 'inherit'],
      reject: false,
    })
  teller.command(['host'])
  const daemon = await startDaemon([program, 'host'], environment, at('host.log'))
  const client = createHostClient(environment.SWITCHYARD_SOCKET)
  teller.say(`it runs as process ${daemon.pid}, with everything it keeps in ${folder}`)
  const port = await freePort()
  return {
    client,
    address: `http://127.0.0.1:${port}`,
    exports: [
      `export SWITCHYARD_SOCKET=${environment.SWITCHYARD_SOCKET}`,
      `alias switchyard='${process.execPath} ${program}'`,
    ],
    type: async (...words) => {
      teller.command(words)
      const { failed, exitCode } = await run(words)
      if (failed) throw new Error(`switchyard ${words[0]} ended with ${exitCode}`)
    },
    write: (models, engine) => {
      const text = toYaml(models, engine, port)
      writeFileSync(at('start.yaml'), text)
      return { path: at('start.yaml'), text }
    },
    stop: async () => {
      await unload(client)
      await client.close()
      daemon.kill('SIGTERM')
      if (daemon.exitCode === null) await once(daemon, 'exit')
    },
  }
}

/** In a group of its own: Ctrl-C is ours to hear first. */
const startDaemon = async (
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  log: string,
): Promise<ChildProcess> => {
  const client = createHostClient(env['SWITCHYARD_SOCKET'] ?? '')
  const isUp = () =>
    client.list('Model').then(
      () => true,
      () => false,
    )
  const numbered = `${log}.pid`
  if (await isUp())
    throw new Error(`another npm start runs: end it with Ctrl-C there, or: kill $(cat ${numbered})`)
  const output = openSync(log, 'w', 0o600)
  const daemon = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...words], {
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
    detached: true,
  })
  closeSync(output)
  writeFileSync(numbered, `${daemon.pid}\n`)
  for (const end = Date.now() + 60_000; !(await isUp()); await sleep(50)) {
    if (daemon.exitCode !== null || Date.now() > end)
      throw new Error(`switchyard host does not run: ${readFileSync(log, 'utf8').trim().split('\n').at(-1)}`)
  }
  await client.close()
  return daemon
}

const toYaml = (models: StoryModels, engine: EngineName, port: number): string =>
  [...models.map(toModel), toRuntime(models[0].name, engine, port)].join('---\n')

const toModel = ({ name, repo, include }: StoryModel): string => `apiVersion: switchyard.dev/v1alpha1
kind: Model
metadata: { name: ${name} }
spec:
  source: { huggingFace: { repo: ${repo}${include ? `, include: ['${include}']` : ''} } }
  runtimes: [{ name: here }]
`

const toRuntime = (activeModel: string, engine: EngineName, port: number): string =>
  `apiVersion: switchyard.dev/v1alpha1
kind: Runtime
metadata: { name: here }
spec:
  engine: ${engine}
  activeModel: ${activeModel}
  desiredState: Active
  host: { port: ${port} }
  switch: { drainSeconds: 5 }
`

/** The engine is a process of its own and would go on without its controller. */
const unload = async (client: Client): Promise<void> => {
  const seen = await client.find('Runtime', { namespace: 'default', name: 'here' })
  if (seen?.object.kind !== 'Runtime') return
  await client.change(seen.object, { spec: { desiredState: 'Idle' }, says: 'unload' })
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    const now = await client.find('Runtime', { namespace: 'default', name: 'here' })
    if (now?.object.kind === 'Runtime' && now.object.status.phase === 'Idle') return
  }
  throw new Error('the engine did not end within a minute')
}
