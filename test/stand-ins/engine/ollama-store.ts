// Reads a real Ollama store on disk: names, manifests, layers, and whether each blob is there and is what it claims.
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { toContent } from '../content.ts'
import { type GgufValues, readGgufValues } from './gguf-header.ts'

interface Layer {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}
interface Manifest {
  readonly config: Layer
  readonly layers: readonly Layer[]
}

export interface StoredModel {
  /** As the API shows it: `tiny:latest`. */
  readonly name: string
  readonly digest: string
  readonly size: number
  readonly modified: Date
  readonly manifest: Manifest
  readonly file: string
}

export interface OllamaStore {
  readonly list: () => StoredModel[]
  readonly find: (name: string) => StoredModel | undefined
  readonly blobOf: (digest: string) => string
  /** The text of the first layer of this kind (template, system, license, params). */
  readonly textOf: (model: StoredModel, kind: string) => string | undefined
  readonly configOf: (model: StoredModel) => Record<string, unknown>
  /** Throws when a blob is missing or is not what its digest says. */
  readonly verify: (model: StoredModel) => GgufValues
  readonly copy: (from: StoredModel, to: string) => void
  /** Also deletes the blobs that no other manifest names. */
  readonly remove: (model: StoredModel) => void
}

/** host/namespace/model/tag of a name, with Ollama's defaults. */
function toNamePath(name: string): string {
  const bare = name.replace(/^https?:\/\//, '')
  const colon = bare.lastIndexOf(':')
  const hasTag = colon > bare.lastIndexOf('/')
  const parts = (hasTag ? bare.slice(0, colon) : bare).split('/')
  const defaults = ['registry.ollama.ai', 'library']
  while (parts.length < 3) parts.unshift(defaults[2 - parts.length]!)
  return join(...parts, hasTag ? bare.slice(colon + 1) : 'latest')
}

function toShortName(path: string): string {
  const [host, namespace, model, tag] = path.split('/')
  const full = [host, namespace, model]
    .join('/')
    .replace(/^registry\.ollama\.ai\//, '')
    .replace(/^library\//, '')
  return `${full}:${tag}`
}

export function openOllamaStore(folder: string): OllamaStore {
  const manifests = join(folder, 'manifests')
  const checked = new Map<string, string>()
  const blobOf = (digest: string) => join(folder, 'blobs', digest.replace(':', '-'))

  function read(file: string): StoredModel | undefined {
    try {
      const bytes = readFileSync(file)
      const manifest = JSON.parse(bytes.toString()) as Manifest
      return {
        name: toShortName(relative(manifests, file)),
        digest: createHash('sha256').update(bytes).digest('hex'),
        size: [manifest.config, ...manifest.layers].reduce((sum, layer) => sum + layer.size, 0),
        modified: statSync(file).mtime,
        manifest,
        file,
      }
    } catch {
      return undefined // as the real one: a bad manifest is passed over
    }
  }

  function list(): StoredModel[] {
    if (!existsSync(manifests)) return []
    const entries = readdirSync(manifests, { recursive: true, withFileTypes: true })
    const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
    const whole = files.filter(file => relative(manifests, file).split('/').length === 4)
    const models = whole.map(read).filter(model => model !== undefined)
    return models.sort((a, b) => b.modified.getTime() - a.modified.getTime())
  }

  function checkBlob({ digest, size }: Layer) {
    const file = blobOf(digest)
    if (!existsSync(file)) throw new Error(`unable to load model: open ${file}: no such file or directory`)
    const { mtimeMs, size: present } = statSync(file)
    const seen = `${mtimeMs} ${present}`
    if (checked.get(digest) === seen) return
    if (present !== size || `sha256:${toContent({ file }).sha256}` !== digest)
      throw new Error(`unable to load model: ${file}: digest mismatch`)
    checked.set(digest, seen)
  }

  const layerOf = (model: StoredModel, kind: string) =>
    model.manifest.layers.find(layer => layer.mediaType === `application/vnd.ollama.image.${kind}`)

  return {
    list,
    find: name => read(join(manifests, toNamePath(name))),
    blobOf,
    textOf(model, kind) {
      const layer = layerOf(model, kind)
      return layer === undefined || !existsSync(blobOf(layer.digest))
        ? undefined
        : readFileSync(blobOf(layer.digest), 'utf8')
    },
    configOf(model) {
      const file = blobOf(model.manifest.config.digest)
      return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : {}
    },
    verify(model) {
      for (const layer of [model.manifest.config, ...model.manifest.layers]) checkBlob(layer)
      const weights = layerOf(model, 'model')
      if (weights === undefined) throw new Error('unable to load model: no model layer')
      return readGgufValues(blobOf(weights.digest))
    },
    copy(from, to) {
      const file = join(manifests, toNamePath(to))
      mkdirSync(dirname(file), { recursive: true })
      copyFileSync(from.file, file)
    },
    remove(model) {
      rmSync(model.file)
      const named = new Set(
        list().flatMap(other => [other.manifest.config, ...other.manifest.layers].map(layer => layer.digest)),
      )
      for (const { digest } of [model.manifest.config, ...model.manifest.layers])
        if (!named.has(digest)) rmSync(blobOf(digest), { force: true })
    },
  }
}
