// The copies in a place of a volume, read from its names alone: which files belong to each, and whether one is missing.
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import * as z from 'zod'
import { sha256 } from '../transfer/digest.ts'
import { listRepositories } from './blob-index.ts'
import { ifThere, listBelow, listNames, sizeOf } from './disk.ts'
import type { FoundPlace } from './find-places.ts'

export interface FoundCopy {
  /** repository id, Ollama name, or name of the folder */
  readonly model: string
  /** commit or digest of the manifest; absent where nothing names one */
  readonly revision?: string
  /** files that belong to it and are there, absolute */
  readonly files: readonly string[]
  /** as far as names and sizes tell: no byte is read */
  readonly isComplete: boolean
}

export const readCopies = ({ kind, path }: FoundPlace): Promise<FoundCopy[]> =>
  ({ HubCache: readCache, OllamaStore: readStore, Folder: readFolder })[kind](path)

/** A client writes while it fetches: `<blob>.incomplete`, a link whose blob is not there yet, an index that names more shards. */
const readCache = async (cache: string): Promise<FoundCopy[]> => {
  const copies: FoundCopy[] = []
  for (const repository of await listRepositories(cache)) {
    const model = basename(repository).replace('models--', '').replace('--', '/')
    for (const revision of await listNames(join(repository, 'snapshots'))) {
      const { files, isComplete } = await readSnapshot(join(repository, 'snapshots', revision))
      copies.push({
        model,
        revision,
        files,
        isComplete: isComplete && (await hasTree(repository, revision, files)),
      })
    }
  }
  return copies
}

const readSnapshot = async (folder: string): Promise<Pick<FoundCopy, 'files' | 'isComplete'>> => {
  const names = await listBelow(folder)
  const files: string[] = []
  for (const name of names)
    if ((await sizeOf(join(folder, name))) !== undefined) files.push(join(folder, name))
  const isWhole = files.length === names.length && (await hasShards(folder, names))
  return { files, isComplete: isWhole && names.some(name => /\.(safetensors|gguf|bin|pt)$/i.test(name)) }
}

const indexLimit = 32 << 20
const ShardIndex = z.object({ weight_map: z.record(z.string(), z.string()) })

const hasShards = async (folder: string, names: readonly string[]): Promise<boolean> => {
  for (const name of names.filter(one => one.endsWith('.index.json'))) {
    const index = ShardIndex.safeParse(await readJson(join(folder, name)))
    const shards = new Set(Object.values(index.data?.weight_map ?? {}))
    if ([...shards].some(shard => !names.includes(join(dirname(name), shard)))) return false
  }
  return true
}

/** Undefined for what is not there, too large, or no JSON. */
const readJson = async (path: string): Promise<unknown> => {
  if (((await sizeOf(path)) ?? indexLimit) >= indexLimit) return undefined
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}

const Tree = z.object({ files: z.record(z.string(), z.unknown()) })

/** Nothing to compare with is no fault: older clients leave no list. */
const hasTree = async (repository: string, revision: string, files: readonly string[]): Promise<boolean> => {
  const tree = Tree.safeParse(await readJson(join(repository, 'trees', `${revision}.json`)))
  const there = new Set(files)
  return Object.keys(tree.data?.files ?? {}).every(name =>
    there.has(join(repository, 'snapshots', revision, name)),
  )
}

const manifestLimit = 4 << 20
const Layer = z.object({ digest: z.string().regex(/^sha256:[0-9a-f]{64}$/), size: z.number() })
const Manifest = z.object({ config: Layer, layers: z.array(Layer) })

const readStore = async (store: string): Promise<FoundCopy[]> => {
  const copies: FoundCopy[] = []
  for (const name of (await listBelow(join(store, 'manifests'))).sort()) {
    const path = join(store, 'manifests', name)
    const isSmall = ((await sizeOf(path)) ?? manifestLimit) < manifestLimit
    const bytes = isSmall ? await ifThere(readFile(path)) : undefined
    if (bytes) copies.push(await readManifest(store, name.replace(/\/([^/]+)$/, ':$1'), bytes))
  }
  return copies
}

const readManifest = async (store: string, model: string, bytes: Buffer): Promise<FoundCopy> => {
  const revision = `sha256:${sha256(bytes)}`
  const manifest = parseManifest(bytes)
  if (!manifest) return { model, revision, files: [], isComplete: false }
  const blobs = [manifest.config, ...manifest.layers].map(({ digest, size }) => ({
    path: join(store, 'blobs', digest.replace(':', '-')),
    size,
  }))
  const files: string[] = []
  for (const { path, size } of blobs) if ((await sizeOf(path)) === size) files.push(path)
  return { model, revision, files, isComplete: files.length === blobs.length }
}

const parseManifest = (bytes: Buffer): z.infer<typeof Manifest> | undefined => {
  try {
    return Manifest.safeParse(JSON.parse(bytes.toString('utf8'))).data
  } catch {
    return undefined
  }
}

const readFolder = async (folder: string): Promise<FoundCopy[]> => {
  const { files, isComplete } = await readSnapshot(folder)
  return [
    { model: basename(folder), files, isComplete: isComplete && files.includes(join(folder, 'config.json')) },
  ]
}
