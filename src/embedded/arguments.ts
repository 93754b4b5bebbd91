// The words behind `switchyard embedded serve`, checked; the numbers are those that a recipe allows.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { llamaCppArguments } from '../domain/engine-facts/llama-cpp-recipe.ts'
import { StartFailure } from './failure.ts'

export interface ServeWish {
  readonly host: string
  readonly port: number
  /** folder in Ollama's layout: blobs/ and manifests/ */
  readonly store: string
  /** as Ollama lists it */
  readonly model: string
  readonly names: readonly string[]
  /** tokens of one request; absent: what the model was trained for, at most `usualContext` */
  readonly contextSize: number | undefined
  /** requests that are answered at the same time */
  readonly parallel: number
  readonly threads: number
}

export const usage =
  'usage: embedded serve --store DIR --model NAME [--name NAME]… [--host IP] [--port N] [--ctx-size N] [--parallel N] [--threads N], or embedded install'

/** One core stays for whoever asks: threads of llama.cpp spin while they wait for one another, and one too many makes each token 20 times slower. */
const usualThreads = (): number => Math.max(1, availableParallelism() - 1)

const options = {
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '8080' },
  store: { type: 'string' },
  model: { type: 'string' },
  name: { type: 'string', multiple: true },
  'ctx-size': { type: 'string' },
  parallel: { type: 'string', default: '2' },
  threads: { type: 'string' },
} as const

const parse = (words: readonly string[]) => {
  try {
    return parseArgs({ args: [...words], options, strict: true }).values
  } catch (error) {
    throw new StartFailure(`arguments: ${(error as Error).message}; ${usage}`)
  }
}

const toNumber = (flag: string, value: string | undefined, most: number): number | undefined => {
  if (value === undefined) return undefined
  if (/^[1-9]\d{0,6}$/.test(value) && Number(value) <= most) return Number(value)
  throw new StartFailure(`arguments: --${flag} takes a whole number from 1 to ${most}`)
}

/** Throws StartFailure. */
export const readServeWish = (words: readonly string[]): ServeWish => {
  const given = parse(words)
  const { host, store, model } = given
  if (!store || !model) throw new StartFailure(`arguments: --store and --model are needed; ${usage}`)
  const number = (flag: 'ctx-size' | 'parallel' | 'threads') =>
    toNumber(flag, given[flag], llamaCppArguments[flag] ?? 1)
  return {
    host,
    port: toNumber('port', given.port, 65_535) ?? 8080,
    store,
    model,
    names: given.name ?? [model],
    contextSize: number('ctx-size'),
    parallel: number('parallel') ?? 1,
    threads: number('threads') ?? usualThreads(),
  }
}
