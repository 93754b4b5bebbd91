// Checks of the daemon: its store, its socket, the manifests, and of each Runtime the engine's program and port.
import { statSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import type { Runtime } from '../../domain/object.ts'
import { isForeign } from '../../domain/runtime-host.ts'
import { type Finding, fault, good, notLooked } from './finding.ts'
import { type Places, placesOf, type StoreSight, type World } from './world.ts'

export const checkStore = (world: World): Finding => {
  const places = placesOf(world)
  if (!places) return notLooked('Store', 'the settings do not say where it is')
  const file = join(places.stateFolder, 'switchyard.db')
  return toStoreFinding(file, world.readStore(file))
}

const toStoreFinding = (file: string, sight: StoreSight): Finding => {
  const check = 'Store'
  if (sight.state === 'Absent') return notLooked(check, `${file} is not there yet: the daemon makes it`)
  if (sight.state === 'Good') return good(check, file)
  if (sight.state === 'Newer')
    return fault(check, sight.message, 'install the version of switchyard that wrote it, or a newer one')
  if (sight.state === 'Damaged')
    return fault(
      check,
      `${file} is damaged: ${sight.message}`,
      `end the daemon and move it away (mv ${file} ${file}.damaged): objects come again from the manifests, models on disk are found again`,
    )
  const who = `${sight.program}${sight.pid === undefined ? '' : ` (PID ${sight.pid})`}`
  if (sight.isDaemon) return good(check, `${file}, in use by ${who}`)
  return fault(
    check,
    `${file} is in use by ${who}, which is no switchyard host: the daemon cannot start`,
    `end that program${sight.pid === undefined ? '' : `: kill ${sight.pid}`}`,
  )
}

export const checkSocket = async (world: World): Promise<Finding> => {
  const places = placesOf(world)
  const check = 'Socket'
  if (!places) return notLooked(check, 'the settings do not say where it is')
  const { socket } = places
  const stats = statSync(socket, { throwIfNoEntry: false })
  if (!stats) return toAbsentSocket(world, places)
  const code = await knock(socket)
  if (stats.uid !== world.uid && !isOfMachine(socket))
    return fault(
      check,
      `${socket} belongs to user ${stats.uid} and not to ${world.uid}: another daemon is there`,
      'end that daemon, or set SWITCHYARD_SOCKET to another path',
    )
  if (code === undefined) return good(check, `${socket} answers`)
  if (code === 'EACCES')
    return fault(
      check,
      `${socket} is not open to user ${world.uid}`,
      'usermod -aG switchyard $USER, and log in again',
    )
  return fault(
    check,
    `${socket} is left from a daemon that is gone (${code})`,
    'start the daemon: switchyard host (it takes the socket over)',
  )
}

/** The one of the machine is made by the daemon's own user for everybody of its group. */
const isOfMachine = (socket: string): boolean => socket.startsWith('/run/switchyard/')

const toAbsentSocket = (world: World, { socket, stateFolder }: Places): Finding => {
  const store = world.readStore(join(stateFolder, 'switchyard.db'))
  if (store.state === 'InUse' && store.isDaemon)
    return fault(
      'Socket',
      `the daemon runs, and ${socket} is not there`,
      'restart the daemon; SWITCHYARD_SOCKET must be the same for both',
    )
  return notLooked('Socket', 'no daemon runs')
}

/** How it refuses; undefined when somebody answers. */
const knock = (path: string): Promise<string | undefined> =>
  new Promise(resolve => {
    const socket = connect({ path, timeout: 2_000 })
    const end = (code: string | undefined) => () => {
      socket.destroy()
      resolve(code)
    }
    socket.once('connect', end(undefined))
    socket.once('timeout', end('ETIMEDOUT'))
    socket.once('error', error => end((error as NodeJS.ErrnoException).code ?? error.message)())
  })

export const checkManifests = (world: World): readonly Finding[] => {
  const places = placesOf(world)
  if (!places) return []
  const { isThere, refused, models, runtimes } = world.readManifests(places.manifestsFolder)
  if (!isThere) return [notLooked('Manifests', `${places.manifestsFolder} is not there`)]
  if (refused.length > 0)
    return refused.map(({ file, sentence }) =>
      fault('Manifests', `${file}: ${sentence}`, 'correct the file: it is read again as soon as it changes'),
    )
  return [
    good('Manifests', `${models.length} Models and ${runtimes.length} Runtimes in ${places.manifestsFolder}`),
  ]
}

export const checkEngines = (world: World): readonly Finding[] => {
  const places = placesOf(world)
  const { runtimes } = places ? world.readManifests(places.manifestsFolder) : { runtimes: [] }
  return runtimes
    .filter(({ spec }) => !isForeign(spec) && spec.host?.unit === undefined)
    .flatMap(one => [checkProgram(world, one), checkPort(world, one)])
}

/** The engine inside the program is started by npm's help when it is not there yet. */
const programs = { VLLM: 'vllm', Ollama: 'ollama', LlamaCpp: 'npm' } as const
const ports = { VLLM: 8000, Ollama: 11_434, LlamaCpp: 8080 } as const
const sources = {
  VLLM: 'pip install vllm in a virtual environment and put its bin folder on the PATH',
  Ollama: 'install it from https://ollama.com/download',
  LlamaCpp: 'install Node.js with npm, which fetches the engine on first use',
} as const

const checkProgram = ({ environment }: World, { metadata, spec }: Runtime): Finding => {
  const check = `Engine of ${metadata.name}`
  const word = spec.host?.command?.[0] ?? programs[spec.engine]
  const folders = word.includes('/') ? [''] : (environment['PATH'] ?? '').split(delimiter)
  const file = folders
    .map(folder => join(folder, word))
    .find(path => statSync(path, { throwIfNoEntry: false })?.isFile())
  return file === undefined
    ? fault(check, `program ${word} is not found`, `${sources[spec.engine]}, or set spec.host.command`)
    : good(check, file)
}

const checkPort = ({ findListener }: World, { metadata, spec }: Runtime): Finding => {
  const check = `Port of ${metadata.name}`
  const port = spec.host?.port ?? ports[spec.engine]
  const holder = findListener(port)
  if (!holder) return good(check, `${port} is free`)
  const who = holder.pid === undefined ? holder.program : `${holder.program} (PID ${holder.pid})`
  if (holder.isOurs) return good(check, `${port}, served by ${who}`)
  return fault(
    check,
    `${port} is taken by ${who}, which switchyard did not start`,
    `end it${holder.pid === undefined ? '' : ` (kill ${holder.pid})`}, or set another spec.host.port`,
  )
}
