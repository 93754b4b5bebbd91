// A GGUF of a repository as a model of Ollama: its blob, small layers beside it, and a manifest of ours over them.
import { digestOfRevision } from '../../domain/engine-facts/ollama-names.ts'
import { WorkError } from '../outcome.ts'
import { sha256 } from '../transfer/digest.ts'
import type { Listing, SourceFile } from './source.ts'

/** What a repository may say beside its GGUF, by the names that Ollama's own users of the Hub know. */
const beside = ['template', 'system', 'params'] as const
const besideLimit = 256 << 10

const layerType = (kind: string): string => `application/vnd.ollama.image.${kind}`
const configType = 'application/vnd.docker.container.image.v1+json'
const manifestType = 'application/vnd.docker.distribution.manifest.v2+json'

/** Bytes of a small file, verified. */
export type ReadFile = (file: SourceFile) => Promise<Buffer>

/** The commit stays in the revision, the digest of the manifest stands behind it: the same files give the same manifest. */
export const toImage = async (listing: Listing, read: ReadFile): Promise<Listing> => {
  const made = new Map<string, Buffer>()
  const layers = [toModelLayer(listing), ...(await toSmallLayers(listing, read, made))]
  const diffIds = layers.map(layer => `sha256:${layer.digest.hex}`)
  const config = {
    model_format: 'gguf',
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: diffIds },
  }
  const first = toMade('config', configType, Buffer.from(JSON.stringify(config)))
  made.set(first.file.blob, first.bytes)
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: toEntry(first.file),
      layers: layers.map(toEntry),
    }),
  )
  const all = [first.file, ...layers]
  const revision = `${listing.revision}+sha256:${sha256(manifest)}`
  return { revision, files: all, all, format: 'GGUF', manifest, made }
}

export const commitOf = (revision: string): string => revision.split('+')[0] ?? ''

/** Whether these are the bytes of the manifest that the revision names. */
export const isManifestOf = (manifest: Buffer | undefined, revision: string): boolean =>
  manifest !== undefined && `sha256:${sha256(manifest)}` === digestOfRevision(revision)

const toModelLayer = ({ files }: Listing): SourceFile => {
  const weights = files.filter(file => /\.gguf$/i.test(file.path))
  const [only, ...more] = weights
  if (!only || more.length > 0) {
    const names = weights.slice(0, 3).map(file => file.path)
    throw new WorkError(
      'InvalidSpec',
      `spec.source.huggingFace.include: Ollama takes one GGUF file, and ${weights.length} are left: ${names.join(', ')}`,
    )
  }
  if (only.digest.algorithm === 'sha256')
    return { ...only, blob: `sha256-${only.digest.hex}`, mediaType: layerType('model') }
  throw new WorkError('Policy', `${only.path} is not kept as a large file, so the Hub lists no SHA-256 of it`)
}

const toSmallLayers = async (
  { all }: Listing,
  read: ReadFile,
  made: Map<string, Buffer>,
): Promise<SourceFile[]> => {
  const layers: SourceFile[] = []
  for (const kind of beside) {
    const file = all.find(one => one.path === kind)
    if (!file) continue
    if (file.size > besideLimit) throw new WorkError('Policy', `${kind} has more than ${besideLimit} bytes`)
    const layer = toMade(kind, layerType(kind), await read(file))
    made.set(layer.file.blob, layer.bytes)
    layers.push(layer.file)
  }
  return layers
}

const toMade = (path: string, mediaType: string, bytes: Buffer) => {
  const hex = sha256(bytes)
  const blob = `sha256-${hex}`
  const file: SourceFile = { path, size: bytes.length, digest: { algorithm: 'sha256', hex }, blob, mediaType }
  return { file, bytes }
}

const toEntry = ({ mediaType, digest, size }: SourceFile) => ({
  mediaType,
  digest: `sha256:${digest.hex}`,
  size,
})
