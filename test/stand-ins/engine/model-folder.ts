// Reads a model folder as an engine would: configuration, every shard whole, and the answer that the weights encode.
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

type Task = 'generate' | 'embed' | 'score'

export interface ModelFolder {
  readonly path: string
  readonly architecture: string
  readonly task: Task
  readonly answer: string
  readonly loop: boolean
  readonly hasChatTemplate: boolean
  readonly maxContext: number
  readonly fault: string | undefined
  readonly bytes: number
  readonly shards: number
}

interface Config {
  readonly architectures?: readonly string[]
  readonly max_position_embeddings?: number
  readonly switchyard_fault?: string
}

interface Shard {
  readonly bytes: number
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: ReadonlySet<string>
}

const readJson = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
const damaged = (why: string) =>
  new Error(`safetensors._safetensors_rust.SafetensorError: Error while deserializing header: ${why}`)

function readHeader(file: string, size: number): Record<string, Record<string, unknown>> {
  const fd = openSync(file, 'r')
  try {
    const length = Buffer.alloc(8)
    if (readSync(fd, length) < 8) throw damaged('header too small')
    const bytes = Number(length.readBigUInt64LE(0))
    if (bytes > size - 8) throw damaged('invalid header length')
    const header = Buffer.alloc(bytes)
    readSync(fd, header, 0, bytes, 8)
    return { ...JSON.parse(header.toString()), '': { end: 8 + bytes } }
  } finally {
    closeSync(fd)
  }
}

function readShard(file: string): Shard {
  const { size } = statSync(file)
  const { __metadata__: metadata = {}, '': frame, ...tensors } = readHeader(file, size)
  const ends = Object.values(tensors).map(tensor => (tensor['data_offsets'] as number[])[1] ?? 0)
  if (Number(frame?.['end']) + Math.max(0, ...ends) !== size)
    throw damaged('incomplete metadata, file not fully covered')
  return { bytes: size, metadata: metadata as Record<string, string>, tensors: new Set(Object.keys(tensors)) }
}

function taskOf(architecture: string): Task {
  if (/ForCausalLM|ForConditionalGeneration/.test(architecture)) return 'generate'
  return /ForSequenceClassification/.test(architecture) ? 'score' : 'embed'
}

function readShards(path: string): Shard[] {
  const index = join(path, 'model.safetensors.index.json')
  const present = readdirSync(path).filter(name => name.endsWith('.safetensors'))
  if (present.length === 0) throw new Error(`RuntimeError: Cannot find any model weights with \`${path}\``)
  if (!existsSync(index)) return present.map(name => readShard(join(path, name)))
  const map = readJson(index)['weight_map'] as Record<string, string>
  const shards = new Map([...new Set(Object.values(map))].map(name => [name, readShard(join(path, name))]))
  const missing = Object.keys(map).filter(tensor => !shards.get(map[tensor]!)?.tensors.has(tensor))
  if (missing.length > 0)
    throw new Error(
      `ValueError: Following weights were not initialized from checkpoint: {${missing.map(name => `'${name}'`).join(', ')}}`,
    )
  return [...shards.values()]
}

/** Everything about a folder that can be told before its weights are read. */
export function readModelConfig(path: string): Omit<ModelFolder, 'answer' | 'loop' | 'bytes' | 'shards'> {
  if (!existsSync(join(path, 'config.json')))
    throw new Error(
      `ValueError: Invalid repository ID or local directory specified: '${path}'. Please verify that it holds a config.json.`,
    )
  const config = readJson(join(path, 'config.json')) as Config
  const architecture = config.architectures?.[0] ?? 'LlamaForCausalLM'
  const tokenizerConfig = join(path, 'tokenizer_config.json')
  const hasChatTemplate =
    existsSync(join(path, 'chat_template.jinja')) ||
    (existsSync(tokenizerConfig) && 'chat_template' in readJson(tokenizerConfig))
  return {
    path,
    architecture,
    task: taskOf(architecture),
    hasChatTemplate,
    maxContext: config.max_position_embeddings ?? 2048,
    fault: config.switchyard_fault,
  }
}

/** Throws with the words that vLLM would print. */
export function readModelFolder(path: string): ModelFolder {
  const config = readModelConfig(path)
  if (!existsSync(join(path, 'tokenizer.json')))
    throw new Error(`OSError: Can't load tokenizer for '${path}'.`)
  const shards = readShards(path)
  const odd = shards.flatMap(shard => [...shard.tensors]).find(name => name.startsWith('extra'))
  if (odd !== undefined)
    throw new Error(`ValueError: There is no module or parameter named '${odd}' in ${config.architecture}`)
  const metadata = Object.assign({}, ...shards.map(shard => shard.metadata)) as Record<string, string>
  return {
    ...config,
    answer: metadata['switchyard_answer'] ?? `I am ${path.split('/').at(-1)}.`,
    loop: metadata['switchyard_loop'] === 'true',
    bytes: shards.reduce((sum, shard) => sum + shard.bytes, 0),
    shards: shards.length,
  }
}
