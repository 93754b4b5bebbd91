// The only writer of Ollama's store: blobs by digest, a private hard link of each, the registry's own manifest bytes last.
import { link, readFile, rm, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseOllamaName } from '../../domain/names.ts'
import { codeOf, WorkError } from '../outcome.ts'
import { isManifestOf } from '../sources/gguf-image.ts'
import type { Listing } from '../sources/source.ts'
import {
  ensureFolder,
  ifThere,
  listBelow,
  moveDurably,
  pruneEmpty,
  removeFile,
  sizeOf,
  syncUp,
  writeWhole,
} from './disk.ts'
import type { Receipt } from './receipt.ts'
import { letGo, shareFile, targetOf, type Way } from './share-file.ts'
import { isOurs, type Others, type Place, type Store } from './store.ts'

interface OllamaStore {
  readonly blobs: string
  readonly manifests: string
  /** `<registry>/<namespace>/<model>/<tag>` */
  readonly manifest: string
  readonly staging: string
  /** manifests that are only copies: they hold nothing */
  readonly aliases: readonly string[]
  /** second names of our blobs: a server that prunes its folder cannot take the bytes */
  readonly own: string
  /** of the volume */
  readonly root: string
}

const manifestPath = (name: string): string => name.replace(/:([^:/]+)$/, '/$1')

const toManifestPath = (name: string): string => {
  const { registry, namespace, model, tag } = parseOllamaName(name, 'alias')
  return `${registry}/${namespace}/${model}/${tag}`
}

export const openOllamaStore = ({ layout, name, owner, aliases = [] }: Place): Store => {
  const manifests = join(layout.path, 'manifests')
  const home = join(layout.root, '.switchyard')
  const store: OllamaStore = {
    blobs: join(layout.path, 'blobs'),
    manifests,
    manifest: join(manifests, manifestPath(name)),
    aliases: aliases.map(alias => join(manifests, toManifestPath(alias))),
    staging: join(home, 'staging', owner),
    own: join(home, 'blobs'),
    root: layout.root,
  }
  return {
    staging: store.staging,
    pathOf: () => undefined,
    shownAt: (_, { blob }) => join(store.blobs, blob),
    isShown: async ({ revision }) => isManifestOf(await ifThere(readFile(store.manifest)), revision),
    findBlob: blob => findBlob(store, blob),
    putBlob: (from, blob) => putBlob(store, from, blob),
    shareBlob: (from, blob) => shareBlob(store, from, blob),
    publish: listing => publish(store, listing),
    findFault: receipt => findFault(store, receipt),
    withdraw: (receipt, others) => withdraw(store, receipt, others),
  }
}

const findBlob = async (store: OllamaStore, blob: string): Promise<string | undefined> => {
  for (const path of [join(store.blobs, blob), join(store.own, blob)]) {
    if ((await sizeOf(path)) !== undefined) return path
  }
  return undefined
}

/** Kept under the private name first: a server deletes what no manifest names when it starts. */
const putBlob = async (store: OllamaStore, from: string, blob: string): Promise<void> => {
  const wrong = join(store.blobs, blob)
  await moveDurably(from, join(store.own, blob))
  await rm(wrong, { force: true })
}

/** A name in place stands where the engine reads it: it holds no bytes that a server could take away. */
const shareBlob = async (store: OllamaStore, from: string, blob: string): Promise<Way | undefined> => {
  const [shown, own] = [join(store.blobs, blob), join(store.own, blob)]
  const way = await shareFile({ from, to: shown, staging: store.staging })
  if (way === 'Linked') await moveDurably(shown, own)
  return way
}

/** Answers false where the filesystem has no hard links. */
const linkIfMissing = async (from: string, to: string): Promise<boolean> => {
  try {
    await link(from, to)
  } catch (error) {
    if (['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes(codeOf(error))) return false
    if (!['EEXIST', 'ENOENT'].includes(codeOf(error))) throw error
  }
  return true
}

const showBlob = async (store: OllamaStore, blob: string): Promise<void> => {
  const [shown, own] = [join(store.blobs, blob), join(store.own, blob)]
  await ensureFolder(store.blobs)
  await ensureFolder(store.own)
  if (await targetOf(shown)) return
  if (await linkIfMissing(own, shown)) await linkIfMissing(shown, own)
  else await moveDurably(own, shown)
  const now = new Date()
  await utimes(shown, now, now)
}

const publish = async (store: OllamaStore, listing: Listing): Promise<void> => {
  if (!listing.manifest) throw new WorkError('Unexpected', 'an Ollama listing without its manifest')
  for (const file of listing.files) await showBlob(store, file.blob)
  await syncUp(store.blobs, store.root)
  const before = await ifThere(readFile(store.manifest))
  if (!before?.equals(listing.manifest)) {
    await writeWhole({ path: store.manifest, staging: store.staging, content: listing.manifest })
  }
  for (const file of listing.files) {
    if ((await sizeOf(join(store.blobs, file.blob))) !== file.size) await showBlob(store, file.blob)
  }
  await syncUp(store.blobs, store.root)
  await syncUp(dirname(store.manifest), store.root)
  await rm(store.staging, { recursive: true, force: true })
}

const findFault = async (store: OllamaStore, receipt: Receipt): Promise<string | undefined> => {
  const manifest = await ifThere(readFile(store.manifest))
  if (!manifest) return 'the manifest is gone'
  if (!isManifestOf(manifest, receipt.revision)) return 'the manifest is another one'
  for (const file of receipt.files) {
    if ((await sizeOf(join(store.blobs, file.blob))) === undefined) return `${file.blob} is gone`
  }
  return undefined
}

const withdraw = async (
  store: OllamaStore,
  receipt: Receipt,
  { receipts, heirs }: Others,
): Promise<number> => {
  const sameStore = receipts.filter(other => other.layout.path === receipt.layout.path)
  await hideManifest(store, receipt, sameStore)
  const needed = await listNeeded(store, sameStore)
  let freed = 0
  for (const file of receipt.files) {
    if (needed.has(file.blob)) continue
    const [shown, own] = [join(store.blobs, file.blob), join(store.own, file.blob)]
    if (isOurs(file)) freed += await letGo(shown, heirs)
    freed += await removeFile(own)
  }
  await rm(store.staging, { recursive: true, force: true })
  return freed
}

/** A model that was there before us, whole, stays listed. */
const hideManifest = async (
  store: OllamaStore,
  receipt: Receipt,
  others: readonly Receipt[],
): Promise<void> => {
  const isHeld = others.some(
    other => other.revision === receipt.revision && other.source.name === receipt.source.name,
  )
  const wasThere = receipt.isAdopted ?? !receipt.files.some(isOurs)
  if (isHeld || wasThere) return
  for (const path of [...store.aliases, store.manifest]) {
    if (!isManifestOf(await ifThere(readFile(path)), receipt.revision)) continue
    await removeFile(path)
    await pruneEmpty(dirname(path), store.manifests)
  }
}

const digestName = /sha256[:-]([0-9a-f]{64})/g

/** Every digest that any manifest or receipt mentions, also of names that are not ours. */
const listNeeded = async (store: OllamaStore, others: readonly Receipt[]): Promise<ReadonlySet<string>> => {
  const needed = new Set(others.flatMap(other => other.files.map(file => file.blob)))
  for (const path of await listBelow(store.manifests)) {
    const text = await readFile(join(store.manifests, path), 'utf8')
    for (const [, hex] of text.matchAll(digestName)) needed.add(`sha256-${hex}`)
  }
  return needed
}
