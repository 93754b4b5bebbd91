// An Ollama registry as a source: a manifest names its blobs by digest; its own bytes are the revision.
import * as z from 'zod'
import type { Capabilities } from '../../domain/capabilities.ts'
import { digestPattern, type OllamaReference, parseOllamaName, toDigest } from '../../domain/names.ts'
import type { BytesTask } from '../../domain/worker-task.ts'
import { inspectImage } from '../inspect/image.ts'
import { toFailure, WorkError } from '../outcome.ts'
import { sha256 } from '../transfer/digest.ts'
import { askSmall, type Wire } from '../transfer/wire.ts'
import { askHead } from './ask-head.ts'
import { askAnonymousToken } from './registry-token.ts'
import type { Listing, Pin, Source, SourceFile } from './source.ts'
import { openDoor } from './token.ts'

const publicRegistry = 'registry.ollama.ai'
const manifestLimit = 4 << 20
const accept = 'application/vnd.docker.distribution.manifest.v2+json'

const Layer = z.object({
  mediaType: z.string().max(128),
  digest: z.string().regex(new RegExp(digestPattern)),
  size: z.int().min(0),
})
const Manifest = z.object({ config: Layer, layers: z.array(Layer).max(1000) })

interface OllamaOrder {
  readonly name: string
  readonly digest?: string | undefined
  readonly task: BytesTask
  readonly wire: Wire
}

interface Registry {
  readonly reference: OllamaReference
  readonly endpoint: string
  readonly pinned: string | undefined
  /** gets a token when the registry asks for one that it gives to anybody */
  wire: Wire
}

/** The operator's registry takes the place of the public one only; a name with its own registry asks there. */
const toAddress = (reference: OllamaReference, task: BytesTask): string =>
  reference.registry === publicRegistry && task.registryEndpoint
    ? task.registryEndpoint
    : `https://${reference.registry}`

export const openOllama = async (order: OllamaOrder): Promise<Source> => {
  const reference = parseOllamaName(order.name)
  const pinned = order.digest ? toDigest(order.digest) : undefined
  const { endpoint, token } = await openDoor(toAddress(reference, order.task), order.task.tokenFile)
  const wire = token ? { ...order.wire, token } : order.wire
  const registry: Registry = { reference, endpoint, pinned, wire }
  const { namespace, model, tag } = reference
  const urlOf = (_: string, file: SourceFile) =>
    `${endpoint}/v2/${namespace}/${model}/blobs/sha256:${file.digest.hex}`
  return {
    kind: 'Ollama',
    name: `${reference.registry}/${namespace}/${model}:${tag}`,
    asked: tag,
    get wire() {
      return registry.wire
    },
    pin: () => pin(registry),
    list: revision => list(registry, revision),
    urlOf,
    mirrorsOf: () => [],
    inspect: listing => inspect(registry, listing, urlOf),
  }
}

const nameOf = ({ reference }: Registry): string =>
  `${reference.namespace}/${reference.model}:${reference.tag}`

const askManifest = async (registry: Registry, tagOrDigest: string): Promise<Buffer> => {
  const { namespace, model } = registry.reference
  const url = `${registry.endpoint}/v2/${namespace}/${model}/manifests/${tagOrDigest}`
  const order = { url, what: nameOf(registry), headers: { accept } }
  try {
    return (await askSmall(registry.wire, order, manifestLimit)).bytes
  } catch (error) {
    if (!(await getsToken(registry, error))) throw error
    return (await askSmall(registry.wire, order, manifestLimit)).bytes
  }
}

const getsToken = async (registry: Registry, error: unknown): Promise<boolean> => {
  if (registry.wire.token || toFailure(error).reason !== 'Unauthorized') return false
  const { namespace, model } = registry.reference
  const token = await askAnonymousToken(registry.wire, registry.endpoint, `${namespace}/${model}`)
  if (token) registry.wire = { ...registry.wire, token }
  return token !== undefined
}

const revisionOf = (bytes: Buffer): string => `sha256:${sha256(bytes)}`

/** By tag, as Ollama asks; by digest when the tag has moved on. */
const findManifest = async (registry: Registry, revision: string): Promise<Buffer> => {
  const byTag = await askManifest(registry, registry.reference.tag)
  if (revisionOf(byTag) === revision) return byTag
  try {
    const byDigest = await askManifest(registry, revision)
    if (revisionOf(byDigest) === revision) return byDigest
  } catch (error) {
    if (!(error instanceof WorkError) || error.failure.retry === 'Later') throw error
  }
  throw new WorkError(
    'RevisionNotFound',
    `${nameOf(registry)} is now ${revisionOf(byTag)} and the registry no longer gives ${revision}`,
  )
}

const pin = async (registry: Registry): Promise<Pin> => {
  if (registry.pinned) return { revision: revisionOf(await findManifest(registry, registry.pinned)) }
  return { revision: revisionOf(await askManifest(registry, registry.reference.tag)) }
}

const toFile = (layer: z.infer<typeof Layer>): SourceFile => {
  const hex = toDigest(layer.digest).slice('sha256:'.length)
  const blob = `sha256-${hex}`
  return {
    path: blob,
    size: layer.size,
    digest: { algorithm: 'sha256', hex },
    blob,
    mediaType: layer.mediaType,
  }
}

const parseManifest = (registry: Registry, bytes: Buffer): z.infer<typeof Manifest> => {
  try {
    return Manifest.parse(JSON.parse(bytes.toString('utf8')))
  } catch {
    throw new WorkError(
      'Integrity',
      `${nameOf(registry)}: the registry's manifest is not one that Ollama reads`,
    )
  }
}

const list = async (registry: Registry, revision: string): Promise<Listing> => {
  const bytes = await findManifest(registry, toDigest(revision))
  const manifest = parseManifest(registry, bytes)
  const all = [manifest.config, ...manifest.layers].map(toFile)
  const files = [...new Map(all.map(file => [file.path, file])).values()].sort((a, b) =>
    a.path < b.path ? -1 : 1,
  )
  if (!all.some(file => file.mediaType?.endsWith('.image.model'))) {
    throw new WorkError('NothingToFetch', `${nameOf(registry)} has no layer of weights`)
  }
  return { revision, files, all, format: 'Ollama', manifest: bytes }
}

const inspect = (
  registry: Registry,
  listing: Listing,
  urlOf: (revision: string, file: SourceFile) => string,
): Promise<Capabilities> =>
  inspectImage({
    layers: listing.all,
    read: async file => {
      const order = { url: urlOf(listing.revision, file), what: `${nameOf(registry)} ${file.path}` }
      const { bytes } = await askSmall(registry.wire, order, file.size)
      if (sha256(bytes) === file.digest.hex) return bytes
      throw new WorkError('Integrity', `${file.path}: its bytes do not have the digest that names it`)
    },
    readHead: (file, bytes) => {
      const order = { url: urlOf(listing.revision, file), what: nameOf(registry) }
      return askHead(registry.wire, order, Math.min(bytes, file.size))
    },
  })
