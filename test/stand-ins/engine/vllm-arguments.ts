// Reads vLLM's command line and its YAML file as vLLM 0.32 does, and refuses what it refuses.
import { readFileSync } from 'node:fs'
import { parse as parseYaml } from 'yaml'
import { VLLM_FLAGS } from './vllm-flags.ts'

export interface VllmArguments {
  readonly model: string
  readonly servedNames: readonly string[]
  readonly host: string
  readonly port: number
  readonly apiKeys: readonly string[]
  readonly maxModelLength: number | undefined
  readonly shutdownTimeoutSeconds: number
  readonly chatTemplate: string | undefined
}

export class ArgumentError extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

export type Entrypoint = 'serve' | 'module'
const USAGE: Record<Entrypoint, string> = {
  serve: 'vllm serve [model_tag] [options]',
  module: 'api_server.py [-h] [options]',
}
const TOP_USAGE =
  'vllm [-h] [-v]\n            {chat,complete,serve,launch,bench,collect-env,download-kernels,preload,run-batch,snapshot}\n            ...'
const DEFAULT_MODEL = 'Qwen/Qwen3-0.6B'

/** What argparse prints; words that no flag takes are refused by the top command, wrong values by the sub-command. */
function refuse(entrypoint: Entrypoint, why: string) {
  const isTop = entrypoint === 'serve' && why.startsWith('unrecognized')
  const usage = isTop ? TOP_USAGE : USAGE[entrypoint]
  const program = isTop ? 'vllm' : usage.split(' [')[0]
  return new ArgumentError(`usage: ${usage}\n${program}: error: ${why}`, 2)
}
const valueError = (why: string) => new ArgumentError(`ValueError: ${why}`, 1)

/** `--served_model_name` is `--served-model-name`; `--key=value` is two words. */
function toWords(argument: string): string[] {
  if (!argument.startsWith('--')) return [argument]
  const [name, ...value] = argument.split('=')
  return [name!.replaceAll('_', '-'), ...(value.length > 0 ? [value.join('=')] : [])]
}

function configWords(file: string): string[] {
  const extension = file.split('.').at(-1)
  if (extension !== 'yaml' && extension !== 'yml')
    throw valueError(`Config file must be of a yaml/yml type. ${extension} supplied`)
  const config = (parseYaml(readFileSync(file, 'utf8')) ?? {}) as Record<string, unknown>
  return Object.entries(config).flatMap(([key, value]) => {
    const name = `--${key.replaceAll('_', '-')}`
    const no = name.replace('--', '--no-')
    if (value === true) return [name]
    if (value === false) return VLLM_FLAGS.has(no) ? [no] : []
    if (Array.isArray(value)) return value.length === 0 ? [] : [name, ...value.map(String)]
    return [name, value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value)]
  })
}

/** Under `serve`, `--model X` moves to the front with a warning. */
function withModelInFront(argv: readonly string[], warn: (text: string) => void): string[] {
  const at = argv.findIndex(word => /^--model(=|$)/.test(word))
  if (at < 0) return [...argv]
  warn(
    'With `vllm serve`, you should provide the model as a positional argument or in a config file instead of via the `--model` option. The `--model` option will be removed in a future version.',
  )
  const isOneWord = argv[at] !== '--model'
  const model = isOneWord ? argv[at]!.slice('--model='.length) : (argv[at + 1] ?? '')
  return [model, ...argv.slice(0, at), ...argv.slice(at + (isOneWord ? 1 : 2))]
}

const hasModel = (argv: readonly string[]) => argv[0] !== undefined && !argv[0].startsWith('-')

/** Only the two words `--config FILE` are looked for, as in the real one: `--config=FILE` is not read. */
function withConfig(entrypoint: Entrypoint, argv: readonly string[]): string[] {
  const at = argv.indexOf('--config')
  if (at < 0) return [...argv]
  const file = argv[at + 1]
  if (file === undefined)
    throw valueError('No config file specified! Please check your command-line arguments.')
  const words = configWords(file)
  const rest = [...argv.slice(0, at), ...argv.slice(at + 2)]
  const front = entrypoint === 'serve' && hasModel(rest) ? rest.splice(0, 1) : []
  if (entrypoint === 'serve' && front.length === 0 && !words.includes('--model'))
    throw valueError(
      'No model specified! Please specify model either as a positional argument or in a config file.',
    )
  return [...front, ...words, ...rest]
}

function requireOrder(argv: readonly string[]) {
  const has = (pattern: RegExp) => argv.some(word => pattern.test(word))
  if (argv.length > 0 && !hasModel(argv) && !has(/^--config(=|$)/) && has(/^--served[-_]model[-_]name(=|$)/))
    throw valueError(
      '`model` should be provided as the first positional argument when using `vllm serve`. i.e. `vllm serve <model> --<arg> <value>`.',
    )
}

/** A value may start with a dash only when it is a number. */
const isFlag = (word: string) => word.startsWith('-') && !/^-\d/.test(word)

/** The words from `start` on that are values, at most so many. */
function valuesFrom(words: readonly string[], start: number, most: number): string[] {
  const end = words.findIndex((word, i) => i >= start && isFlag(word))
  return words.slice(start, Math.min(end < 0 ? words.length : end, start + most))
}

const MOST_VALUES = { switch: 0, one: 1, many: Number.POSITIVE_INFINITY } as const

function parseWords(entrypoint: Entrypoint, words: readonly string[]) {
  const flags = new Map<string, readonly string[]>()
  const positional: string[] = []
  const unknown: string[] = []
  const takeFlag = (word: string, at: number): number => {
    const kind = VLLM_FLAGS.get(word.split('.')[0]!)
    const values = valuesFrom(
      words,
      at + 1,
      kind === undefined ? Number.POSITIVE_INFINITY : MOST_VALUES[kind],
    )
    if (kind === undefined) unknown.push(word)
    else if (kind !== 'switch' && values.length === 0)
      throw refuse(
        entrypoint,
        `argument ${word}: expected ${kind === 'one' ? 'one' : 'at least one'} argument`,
      )
    else flags.set(word, values)
    return values.length
  }
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (isFlag(word)) i += takeFlag(word, i)
    else if (positional.length === 0 && entrypoint === 'serve') positional.push(word)
    else unknown.push(word)
  }
  if (unknown.length > 0) throw refuse(entrypoint, `unrecognized arguments: ${unknown.join(' ')}`)
  return { flags, positional }
}

const SCALES: Record<string, number> = {
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
}

/** `25.6k` and `1K` are numbers too. */
function parseCount(text: string): number {
  const scale = SCALES[text.at(-1) ?? '']
  return scale === undefined ? Number(text) : Number(text.slice(0, -1)) * scale
}

type Flags = ReadonlyMap<string, readonly string[]>

function countOf(entrypoint: Entrypoint, flags: Flags, name: string) {
  const text = flags.get(name)?.[0]
  if (text === undefined || text === '-1' || text === 'auto') return undefined
  const value = parseCount(text)
  if (Number.isFinite(value)) return value
  throw refuse(entrypoint, `argument ${name}: invalid human_readable_int_or_auto value: '${text}'`)
}

function portOf(entrypoint: Entrypoint, flags: Flags): number {
  const text = flags.get('--port')?.[0]
  if (text === undefined) return 8000
  const port = Number(text)
  if (!Number.isInteger(port)) throw refuse(entrypoint, `argument --port: invalid int value: '${text}'`)
  return port
}

export function parseVllmArguments(
  entrypoint: Entrypoint,
  given: readonly string[],
  { warn, apiKey }: { readonly warn: (text: string) => void; readonly apiKey?: string | undefined },
): VllmArguments {
  const argv = entrypoint === 'serve' ? withModelInFront(given, warn) : [...given]
  if (entrypoint === 'serve') requireOrder(argv)
  const { flags, positional } = parseWords(entrypoint, withConfig(entrypoint, argv).flatMap(toWords))
  const model = positional[0] ?? flags.get('--model')?.[0] ?? DEFAULT_MODEL
  const names = flags.get('--served-model-name') ?? []
  return {
    model,
    servedNames: names.length > 0 ? names : [model],
    host: flags.get('--host')?.[0] ?? '0.0.0.0',
    port: portOf(entrypoint, flags),
    apiKeys: flags.get('--api-key') ?? (apiKey === undefined ? [] : [apiKey]),
    maxModelLength: countOf(entrypoint, flags, '--max-model-len'),
    shutdownTimeoutSeconds: Number(flags.get('--shutdown-timeout')?.[0] ?? 0),
    chatTemplate: flags.get('--chat-template')?.[0],
  }
}
