// Turns a GGUF file into what an Ollama registry holds for a model: layers, config and manifest, with their digests.
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Content, type ContentSource, toContent } from '../content.ts'
import type { TinyModel } from './plan.ts'

export const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json'
const CONFIG_TYPE = 'application/vnd.docker.container.image.v1+json'
const TEMPLATE = '{{- range .Messages }}<|{{ .Role }}|>\n{{ .Content }}<|eos|>\n{{ end }}<|assistant|>\n'

interface OllamaLayer {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

export interface OllamaImage {
  readonly config: OllamaLayer
  readonly layers: readonly OllamaLayer[]
  /** The manifest's exact bytes. */
  readonly manifest: Buffer
  /** sha256 hex of the manifest: what /api/tags calls the model's digest. */
  readonly digest: string
  readonly blobs: ReadonlyMap<string, Content>
  readonly sources: ReadonlyMap<string, ContentSource>
}

export interface OllamaLayerOptions {
  /** Default: greedy, stopping at the end token. */
  readonly params?: Record<string, unknown>
  readonly system?: string
  readonly license?: string
  readonly template?: string
}

export function ollamaLayers(
  model: Pick<TinyModel, 'gguf' | 'parameters'>,
  options: OllamaLayerOptions = {},
): OllamaImage {
  const blobs = new Map<string, Content>()
  const sources = new Map<string, ContentSource>()
  const put = (source: ContentSource, mediaType: string): OllamaLayer => {
    const content = toContent(source)
    const digest = `sha256:${content.sha256}`
    blobs.set(digest, content)
    sources.set(digest, source)
    return { mediaType, digest, size: content.size }
  }
  const part = (source: ContentSource, kind: string) => put(source, `application/vnd.ollama.image.${kind}`)
  const params = options.params ?? { stop: ['<|eos|>'], temperature: 0 }
  const layers = [
    part({ file: model.gguf }, 'model'),
    part(options.template ?? TEMPLATE, 'template'),
    ...(options.system === undefined ? [] : [part(options.system, 'system')]),
    ...(options.license === undefined ? [] : [part(options.license, 'license')]),
    part(JSON.stringify(params), 'params'),
  ]
  const config = put(configText(model.parameters, layers), CONFIG_TYPE)
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers }))
  const digest = createHash('sha256').update(manifest).digest('hex')
  return { config, layers, manifest, digest, blobs, sources }
}

function configText(parameters: number, layers: readonly OllamaLayer[]): string {
  return JSON.stringify({
    model_format: 'gguf',
    model_family: 'llama',
    model_families: ['llama'],
    model_type: `${(parameters / 1e6).toFixed(2)}M`,
    file_type: 'F16',
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(layer => layer.digest) },
  })
}

/** Puts an image into an Ollama store on disk under a name such as `library/tiny:latest`, manifest last. */
export function writeOllamaStore(store: string, name: string, image: OllamaImage) {
  mkdirSync(join(store, 'blobs'), { recursive: true })
  for (const [digest, source] of image.sources) {
    const to = join(store, 'blobs', digest.replace(':', '-'))
    if (typeof source === 'string' || Buffer.isBuffer(source)) writeFileSync(to, source)
    else copyFileSync(source.file, to)
  }
  const [path, tag = 'latest'] = name.split(':')
  const manifest = join(store, 'manifests/registry.ollama.ai', path!, tag)
  mkdirSync(dirname(manifest), { recursive: true })
  writeFileSync(manifest, image.manifest)
}
