// The vLLM dialect as a process: arguments, start-up lines, load, serving, and the way out.
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type Listening, listen } from '../listening.ts'
import type { EngineFault, FaultName, ServedThing } from './faults.ts'
import { type ModelFolder, readModelConfig, readModelFolder } from './model-folder.ts'
import { ArgumentError, type Entrypoint, parseVllmArguments, type VllmArguments } from './vllm-arguments.ts'
import {
  openVllmLog,
  printFailure,
  printListening,
  printLoaded,
  printLoading,
  printShards,
  printStart,
  type VllmLog,
} from './vllm-log.ts'
import { openVllmRoutes, thingOf } from './vllm-routes.ts'
import { type EngineWorld, never } from './world.ts'

interface Start {
  readonly world: EngineWorld
  readonly options: VllmArguments
  readonly log: VllmLog
}

class LoadFailure extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

function portIsFree(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
}

const portTaken = ({ host, port }: VllmArguments) =>
  new LoadFailure(
    `OSError: [Errno 98] error while attempting to bind on address ('${host}', ${port}): address already in use`,
  )

async function requirePort({ world, options }: Start, thing: ServedThing) {
  if (!world.faults.find('port-taken', thing) && (await portIsFree(options.host, options.port))) return
  throw portTaken(options)
}

function inWords(failure: unknown): LoadFailure {
  return failure instanceof LoadFailure ? failure : new LoadFailure((failure as Error).message)
}

async function load({ world, options, log }: Start): Promise<ModelFolder> {
  const config = readModelConfig(world.onDisk(options.model))
  const thing = { words: [options.model, ...options.servedNames], ownFault: config.fault }
  const find = (name: Parameters<typeof world.faults.find>[0]) => world.faults.find(name, thing)
  world.stamps.write('loading', options.model)
  printLoading(log, options.model)
  const began = Date.now()
  await sleep(world.loadMilliseconds + (find('load-slow')?.milliseconds ?? 0))
  if (find('load-never-ends')) await never()
  const stuck = find('load-stops-at')
  if (stuck) {
    printShards(log, Number(stuck.value ?? 99))
    await never()
  }
  failAsTold(find)
  const folder = { ...readModelFolder(world.onDisk(options.model)), path: options.model }
  if (options.maxModelLength !== undefined && options.maxModelLength > folder.maxContext)
    throw new LoadFailure(
      `ValueError: User-specified max_model_len (${options.maxModelLength}) is greater than the derived max_model_len (max_position_embeddings=${folder.maxContext}).`,
    )
  printLoaded(log, folder, (Date.now() - began) / 1000)
  return folder
}

const OUT_OF_DEVICE_MEMORY =
  'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.96 GiB. GPU 0 has a total capacity of 23.68 GiB of which 512.00 MiB is free.'

function failAsTold(find: (name: FaultName) => EngineFault | undefined) {
  const failing = find('load-fails')
  if (failing)
    throw new LoadFailure(
      failing.value ?? "ValueError: Model architectures ['Odd'] are not supported for now.",
    )
  if (find('load-out-of-device-memory')) throw new LoadFailure(OUT_OF_DEVICE_MEMORY)
  if (find('load-out-of-memory')) throw new LoadFailure('Killed', 137)
}

function obeySignals(start: Start, folder: ModelFolder, serving: Listening) {
  const { world, options } = start
  const stop = async () => {
    if (world.faults.find('hangs-on-term', thingOf({ options, folder }))) return
    world.stamps.write('stopping', folder.path)
    const until = Date.now() + options.shutdownTimeoutSeconds * 1000
    while (world.counters.running > 0 && Date.now() < until) await sleep(10)
    await serving.close()
    await sleep(world.stopMilliseconds)
    world.stamps.write('unloaded', folder.path)
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

async function serve(start: Start) {
  const { world, options, log } = start
  printStart(log, options.model)
  await requirePort(start, { words: [options.model, ...options.servedNames] })
  const folder = await load(start)
  const answer = openVllmRoutes({ world, options, folder, die: code => process.exit(code) })
  const serving = await listen(answer, { host: options.host, port: options.port }).catch(() => {
    throw portTaken(options)
  })
  obeySignals(start, folder, serving)
  printListening(log, options)
  world.stamps.write('ready', folder.path)
  const thing = thingOf({ options, folder })
  obeyLater(start, { thing, serving, answer })
}

/** Faults that change what the process does by itself. */
function obeyLater(
  { world, options }: Start,
  { thing, serving, answer }: { thing: ServedThing; serving: Listening; answer: Answer },
) {
  const find = (name: FaultName) => world.faults.find(name, thing)
  const exits = find('loads-then-exits')
  if (exits) setTimeout(() => process.exit(1), exits.milliseconds ?? 0)
  let open: Listening | undefined = serving
  const turn = async () => {
    const isWished = find('refuses') === undefined
    if (open && !isWished) {
      await open.close()
      open = undefined
    } else if (!open && isWished) open = await listen(answer, { host: options.host, port: options.port })
    setTimeout(turn, 20).unref()
  }
  void turn()
}

/** `vllm serve PATH …`, or the arguments of the older `python3 -m vllm.entrypoints.openai.api_server`. */
export async function runVllm(world: EngineWorld, entrypoint: Entrypoint, argv: readonly string[]) {
  const log = openVllmLog(world.print)
  let options: VllmArguments
  try {
    options = parseVllmArguments(entrypoint, argv, {
      warn: log.warn,
      apiKey: world.environment['VLLM_API_KEY'],
    })
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = error.exitCode
    process.exit()
  }
  const early = () => {
    if (world.faults.find('hangs-on-term', { words: [options.model, ...options.servedNames] })) return
    process.exit(0)
  }
  process.on('SIGTERM', early)
  try {
    await serve({ world, options, log })
    process.off('SIGTERM', early)
  } catch (error) {
    const failure = inWords(error)
    printFailure(log, failure.message)
    world.stamps.write('failed', options.model)
    process.exit(failure.exitCode)
  }
}
