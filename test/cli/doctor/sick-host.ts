// A host in a folder of its own where nothing is wrong; a test spoils one thing.
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Places, World } from '../../../src/cli/doctor/world.ts'
import { HostDatabase } from '../../../src/platform/host/host-database.ts'
import { openWorld } from '../../../src/program/doctor.ts'
import { aFolder } from '../../platform/host/host-parts.ts'
import { scriptNvidiaSmi } from '../../platform/host/monitor/scripted-nvidia-smi.ts'
import { freePort } from '../../stand-ins/engine/start.ts'

export const token = 'hf_never_to_be_shown'

const listen = (server: Server): Promise<string> =>
  new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(`127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
    })
  })

export interface Host {
  readonly places: Places
  readonly at: (...names: string[]) => string
  readonly enginePort: number
  readonly say: ReturnType<typeof scriptNvidiaSmi>['say']
  readonly serve: (listener: RequestListener) => Promise<string>
  /** a program on the PATH, as the text of a Node script */
  readonly program: (name: string, script: string) => void
  readonly write: (file: string, ...objects: object[]) => void
  readonly runtime: (spec?: object) => object
  readonly world: (more?: Partial<World>) => World
  /** what ends with the host */
  readonly later: (close: () => unknown) => void
  readonly close: () => Promise<void>
}

const isHub: RequestListener = (request, response) => {
  const isKnown = request.headers.authorization === `Bearer ${token}`
  response.writeHead(request.url !== '/api/whoami-v2' || isKnown ? 200 : 401).end()
}

export const openHealthyHost = async (): Promise<Host> => {
  const { folder, remove } = aFolder()
  const at = (...names: string[]): string => join(folder, ...names)
  const closes: (() => unknown)[] = [remove]
  const { say } = scriptNvidiaSmi(folder)
  say({ gpus: '0, GPU-a, 81559, 4, 81049, 0, Disabled, NVIDIA H100 80GB HBM3' })
  const later = (close: () => unknown): void => void closes.unshift(close)
  const program = (name: string, script: string): void =>
    writeFileSync(at('bin', name), `#!${process.execPath}\n${script}\n`, { mode: 0o755 })
  const serve = async (listener: RequestListener): Promise<string> => {
    const server = createServer(listener)
    later(() => server.close())
    return `http://${await listen(server)}`
  }
  for (const name of ['state', 'models', 'manifests', 'secrets']) mkdirSync(at(name))
  new HostDatabase(at('state', 'switchyard.db')).close()
  const places = {
    stateFolder: at('state'),
    modelsFolder: at('models'),
    manifestsFolder: at('manifests'),
    secretsFolder: at('secrets'),
    socket: at('state', 'switchyard.sock'),
    hubEndpoint: await serve(isHub),
  }
  const world = (more: Partial<World> = {}): World => ({
    ...openWorld({ environment: { PATH: at('bin') }, settings: places }),
    ...more,
  })
  const write = (file: string, ...objects: object[]): void =>
    writeFileSync(at('manifests', file), objects.map(one => stringify(one)).join('---\n'))
  const enginePort = await freePort()
  const runtime = (spec: object = {}): object => ({
    apiVersion: 'switchyard.dev/v1alpha1',
    kind: 'Runtime',
    metadata: { name: 'gpu-a' },
    spec: { engine: 'VLLM', host: { port: enginePort }, storage: { directory: at('models') }, ...spec },
  })
  program('vllm', '')
  write('runtime.yaml', runtime())
  const close = async (): Promise<void> => {
    for (const one of closes) await one()
  }
  return { places, at, enginePort, say, serve, program, write, runtime, world, later, close }
}

export const aModel = (spec: object): object => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Model',
  metadata: { name: 'qwen' },
  spec: { source: { huggingFace: { repo: 'org/qwen', ...spec } } },
})
