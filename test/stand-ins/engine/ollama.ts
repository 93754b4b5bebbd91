// The Ollama dialect as a process: `ollama serve` with OLLAMA_HOST and OLLAMA_MODELS over a real store on disk.
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { listen } from '../listening.ts'
import { openLoadedModels } from './ollama-loaded.ts'
import { openOllamaRoutes } from './ollama-routes.ts'
import { openOllamaStore } from './ollama-store.ts'
import type { EngineWorld } from './world.ts'

/** `host`, `host:port`, `:port` or a URL; default 127.0.0.1:11434. */
function parseOllamaHost(text: string | undefined): { host: string; port: number } {
  const bare = (text ?? '')
    .trim()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
  const [host, port] = bare.split(':')
  return { host: host || '127.0.0.1', port: port === undefined || port === '' ? 11434 : Number(port) }
}

const log = (world: EngineWorld, source: string, message: string) =>
  world.print(`time=${new Date().toISOString()} level=INFO source=${source} msg="${message}"`)

export async function runOllama(world: EngineWorld) {
  const { environment, faults } = world
  const at = parseOllamaHost(environment['OLLAMA_HOST'])
  const folder = environment['OLLAMA_MODELS'] ?? join(homedir(), '.ollama/models')
  const store = openOllamaStore(folder)
  const loaded = openLoadedModels(world, store)
  const fail = (why: string) => {
    process.stderr.write(`Error: listen tcp ${at.host}:${at.port}: ${why}\n`)
    process.exit(1)
  }
  if (faults.find('port-taken', { words: [] })) fail('bind: address already in use')
  log(
    world,
    'routes.go:1480',
    `server config OLLAMA_HOST:http://${at.host}:${at.port} OLLAMA_MODELS:${folder}`,
  )
  log(world, 'images.go:477', `total blobs: ${store.list().length}`)
  const serving = await listen(openOllamaRoutes({ world, store, loaded }), at).catch(() =>
    fail('bind: address already in use'),
  )
  const stop = async () => {
    if (faults.find('hangs-on-term', { words: [] })) return
    world.stamps.write('stopping')
    await serving?.close()
    await sleep(world.stopMilliseconds)
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  log(world, 'routes.go:1533', `Listening on ${at.host}:${at.port} (version 0.22.0)`)
}
