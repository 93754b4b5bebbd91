// The Hub's description of a model at a commit, with the fields that `expand` asks for.
import { once } from 'node:events'
import type { Content } from '../content.ts'
import type { Commit, Repository } from './repository.ts'

const ALWAYS = ['_id', 'id']
const BY_DEFAULT = [
  'modelId', 'author', 'sha', 'lastModified', 'createdAt', 'private', 'gated', 'disabled', 'downloads', 'likes',
  'library_name', 'pipeline_tag', 'tags', 'cardData', 'config', 'safetensors', 'siblings', 'usedStorage', 'spaces',
] // biome-ignore format: a list

const textOf = (commit: Commit, path: string) => commit.files.get(path)?.content.bytes().toString('utf8')

function jsonOf(commit: Commit, path: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(textOf(commit, path) ?? '') as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** The flat part of the card's front matter. */
function cardOf(commit: Commit): Record<string, string> {
  const block = /^---\n([\s\S]*?)\n---/.exec(textOf(commit, 'README.md') ?? '')?.[1] ?? ''
  return Object.fromEntries(
    block
      .split('\n')
      .map(line => /^([\w-]+):\s*(.+)$/.exec(line))
      .filter(match => match !== null)
      .map(match => [match[1]!, match[2]!]),
  )
}

async function headOf(content: Content, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = []
  const stream = content.read(0, Math.min(bytes, content.size))
  stream.on('data', (part: Buffer) => parts.push(part))
  await once(stream, 'end')
  return Buffer.concat(parts)
}

type Header = Record<string, { dtype?: string; shape?: number[] }>

/** Parameters by number format, counted from the safetensors headers. */
async function parametersOf(commit: Commit) {
  const parameters: Record<string, number> = {}
  for (const file of commit.files.values()) {
    if (!file.path.endsWith('.safetensors')) continue
    try {
      const length = Number((await headOf(file.content, 8)).readBigUInt64LE(0))
      const header = JSON.parse((await headOf(file.content, 8 + length)).subarray(8).toString()) as Header
      for (const { dtype, shape } of Object.values(header))
        if (dtype !== undefined && shape !== undefined)
          parameters[dtype] = (parameters[dtype] ?? 0) + shape.reduce((a, b) => a * b, 1)
    } catch {
      return undefined // not safetensors after all
    }
  }
  const total = Object.values(parameters).reduce((a, b) => a + b, 0)
  return total === 0 ? undefined : { parameters, total }
}

function configOf(commit: Commit) {
  const config = jsonOf(commit, 'config.json')
  const tokenizer = jsonOf(commit, 'tokenizer_config.json')
  if (config === undefined) return undefined
  const { architectures, model_type, quantization_config } = config
  return { architectures, model_type, quantization_config, tokenizer_config: tokenizer }
}

function tagsOf(commit: Commit, card: Record<string, string>): string[] {
  const formats = ['safetensors', 'gguf'].filter(format =>
    [...commit.files.keys()].some(path => path.endsWith(`.${format}`)),
  )
  const known = [card['library_name'], card['pipeline_tag']].filter(tag => tag !== undefined)
  return [...known, ...formats, ...(card['license'] === undefined ? [] : [`license:${card['license']}`])]
}

async function allFields(repository: Repository, commit: Commit): Promise<Record<string, unknown>> {
  const card = cardOf(commit)
  const paths = [...commit.files.keys()]
  return {
    _id: commit.id.slice(0, 24),
    id: repository.id,
    modelId: repository.id,
    author: repository.id.includes('/') ? repository.id.split('/')[0] : undefined,
    sha: commit.id,
    lastModified: commit.date,
    createdAt: '2026-01-01T00:00:00.000Z',
    private: repository.options.private ?? false,
    gated: repository.gated,
    disabled: repository.options.disabled ?? false,
    downloads: 0,
    downloadsAllTime: 0,
    likes: 0,
    library_name: card['library_name'],
    pipeline_tag: card['pipeline_tag'],
    tags: tagsOf(commit, card),
    cardData: card,
    config: configOf(commit),
    safetensors: await parametersOf(commit),
    siblings: paths.map(rfilename => ({ rfilename })),
    usedStorage: [...commit.files.values()].reduce((sum, file) => sum + file.content.size, 0),
    spaces: [],
  }
}

export async function describeModel(repository: Repository, commit: Commit, query: URLSearchParams) {
  const expand = [...query.getAll('expand'), ...query.getAll('expand[]')]
  const fields = await allFields(repository, commit)
  const wanted = [...ALWAYS, ...(expand.length > 0 ? expand : BY_DEFAULT)]
  const info = Object.fromEntries(wanted.filter(key => key in fields).map(key => [key, fields[key]]))
  if (query.get('blobs') !== 'true') return info
  const siblings = [...commit.files.values()].map(file => ({
    rfilename: file.path,
    size: file.content.size,
    blobId: file.oid,
    ...(file.lfs === undefined
      ? {}
      : { lfs: { sha256: file.lfs.oid, size: file.lfs.size, pointerSize: file.lfs.pointerSize } }),
  }))
  return { ...info, siblings }
}
