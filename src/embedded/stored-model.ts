// Where the bytes of a model stand in a store of Ollama's layout, and the digest that says which bytes they are.
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { parseOllamaName, toDigest } from '../domain/names.ts'
import { StartFailure } from './failure.ts'

export interface StoredModel {
  /** of the manifest: `sha256:…`; it names the digest of the weights, which were hashed when they came */
  readonly identity: string
  readonly gguf: string
}

const Manifest = z.object({
  layers: z.array(z.object({ mediaType: z.string(), digest: z.string(), size: z.number() })),
})
const weights = 'application/vnd.ollama.image.model'

const unreadable = (why: string): StartFailure => new StartFailure(`the model cannot be read: ${why}`)

/** Throws StartFailure. */
export const findStoredModel = async (store: string, name: string): Promise<StoredModel> => {
  const { registry, namespace, model, tag } = parseOllamaName(name, '--model')
  const path = join(store, 'manifests', registry, namespace, model, tag)
  const manifest = await readFile(path).catch(error => {
    throw unreadable((error as Error).message)
  })
  const layer = weightsOf(manifest, path)
  const gguf = join(store, 'blobs', toDigest(layer.digest, 'digest').replace(':', '-'))
  const size = await stat(gguf).then(
    stats => stats.size,
    () => undefined,
  )
  if (size === undefined) throw unreadable(`${gguf} is not there`)
  if (size !== layer.size) throw unreadable(`${gguf} has ${size} bytes instead of ${layer.size}`)
  return { identity: `sha256:${createHash('sha256').update(manifest).digest('hex')}`, gguf }
}

const weightsOf = (manifest: Buffer, path: string) => {
  const layers = toManifest(manifest, path).layers.filter(layer => layer.mediaType === weights)
  const [only] = layers
  if (only && layers.length === 1) return only
  throw unreadable(`${path} names ${layers.length} files of weights; one GGUF file is served`)
}

const toManifest = (text: Buffer, path: string): z.infer<typeof Manifest> => {
  try {
    return Manifest.parse(JSON.parse(text.toString('utf8')))
  } catch {
    throw unreadable(`${path} is no manifest`)
  }
}
