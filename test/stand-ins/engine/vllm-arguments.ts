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
  readonly flags: ReadonlyMap<string, readonly string[]>
}

export class ArgumentError extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

export type Entrypoint = 'serve' | 'module'
const PROGRAMS: Record<Entrypoint, string> = { serve: 'vllm serve', module: 'api_server.py' }

const refuse = (entrypoint: Entrypoint, why: string) => {
  const program = PROGRAMS[entrypoint]
  const usage = entrypoint === 'serve' ? `${program} [model_tag] [options]` : `${program} [options]`
  return new ArgumentError(`usage: ${usage}\n${program}: error: ${why}`, 2)
}
const valueError = (why: string) => new ArgumentError(`ValueError: ${why}`, 1)

/** `--served_model_name` is `--served-model-name`; `--key=value` is two words. */
function toWords(argument: string): string[] {
  if (!argument.startsWith('--')) return [argument]
  const [name, ...value] = argument.split('=')
  return [name!.replaceAll('_', '-'), ...(value.length > 0 ? [value.join('=')] : [])]
}

function configWords(file: string): { words: string[]; model: string | undefined } {
  if (!/\.ya?ml$/.test(file)) throw valueError(`Config file must be of a yaml/yml type. ${file} was passed`)
  const config = (parseYaml(readFileSync(file, 'utf8')) ?? {}) as Record<string, unknown>
  const words: string[] = []
  for (const [key, value] of Object.entries(config)) {
    const name = `--${key.replaceAll('_', '-')}`
    if (key === 'model' || value === false || value === null) continue
    if (value === true) words.push(name)
    else if (Array.isArray(value)) words.push(name, ...value.map(String))
    else words.push(name, typeof value === 'object' ? JSON.stringify(value) : String(value))
  }
  return { words, model: config['model'] === undefined ? undefined : String(config['model']) }
}

/** Takes `--config FILE` out; its words go before the others, so that the command line wins. */
function withConfig(words: readonly string[]): { words: string[]; configModel: string | undefined } {
  const at = words.indexOf('--config')
  if (at < 0) return { words: [...words], configModel: undefined }
  const file = words[at + 1]
  if (file === undefined)
    throw valueError('No config file specified! Please check your command-line arguments.')
  const config = configWords(file)
  const rest = [...words.slice(0, at), ...words.slice(at + 2)]
  const positional = rest[0] !== undefined && !rest[0].startsWith('-') ? rest.splice(0, 1) : []
  return { words: [...positional, ...config.words, ...rest], configModel: config.model }
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
    const kind = VLLM_FLAGS.get(word)
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

function numberOf(entrypoint: Entrypoint, flags: ReadonlyMap<string, readonly string[]>, name: string) {
  const text = flags.get(name)?.[0]
  if (text === undefined) return undefined
  const scale = { k: 1e3, K: 1024, m: 1e6, M: 1024 ** 2 }[text.at(-1) ?? ''] ?? 1
  const value = Number(scale === 1 ? text : text.slice(0, -1)) * scale
  if (!Number.isFinite(value)) throw refuse(entrypoint, `argument ${name}: invalid int value: '${text}'`)
  return value
}

export function parseVllmArguments(entrypoint: Entrypoint, argv: readonly string[]): VllmArguments {
  const { words, configModel } = withConfig(argv.flatMap(toWords))
  const { flags, positional } = parseWords(entrypoint, words)
  if (entrypoint === 'serve' && flags.has('--model'))
    throw valueError(
      'With `vllm serve`, you should provide the model as a positional argument or in a config file instead of via the `--model` option.',
    )
  const model = positional[0] ?? flags.get('--model')?.[0] ?? configModel
  if (model === undefined)
    throw valueError(
      'No model specified! Please specify model either as a positional argument or in a config file.',
    )
  const names = flags.get('--served-model-name') ?? []
  return {
    model,
    servedNames: names.length > 0 ? names : [model],
    host: flags.get('--host')?.[0] ?? '0.0.0.0',
    port: numberOf(entrypoint, flags, '--port') ?? 8000,
    apiKeys: flags.get('--api-key') ?? [],
    maxModelLength: numberOf(entrypoint, flags, '--max-model-len'),
    shutdownTimeoutSeconds: numberOf(entrypoint, flags, '--shutdown-timeout') ?? 0,
    chatTemplate: flags.get('--chat-template')?.[0],
    flags,
  }
}
