// What names on a volume promise to who reads them: a receipt, a ref or a manifest stands only over whole and right bytes.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Tree } from './disk-states.ts'

const hashOf = (algorithm: 'sha1' | 'sha256', ...parts: (string | Buffer)[]): string => {
  const hash = createHash(algorithm)
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** Undefined when it is not there; a link is followed once. */
const read = (tree: Tree, path: string): Buffer | undefined => {
  const what = tree.get(path)
  if (what === undefined || what === 'folder') return undefined
  return Buffer.isBuffer(what) ? what : read(tree, join(dirname(path), what.target))
}

const json = (tree: Tree, path: string): Record<string, never> | undefined => {
  try {
    return JSON.parse(String(read(tree, path) ?? ''))
  } catch {
    return undefined
  }
}

/** A blob under its name is what the name says. */
const findWrongBlobs = (tree: Tree): string[] =>
  [...tree].flatMap(([path, what]) => {
    const named = /blobs\/(?:sha256-)?([0-9a-f]{40,64})$/.exec(path)?.[1]
    if (!named || !Buffer.isBuffer(what)) return []
    const git = hashOf('sha1', `blob ${what.length}\0`, what)
    return [git, hashOf('sha256', what)].includes(named) ? [] : [`${path} has other bytes`]
  })

const hub = 'hub/models--acme--tiny'

/** The list names files that can all be read. */
const findUnreadable = (tree: Tree, commit: string): string[] => {
  const listed = json(tree, `${hub}/trees/${commit}.json`)?.['files']
  if (!listed) return [`${hub}/trees/${commit}.json cannot be read`]
  return Object.entries<{ readonly size: number }>(listed).flatMap(([path, { size }]) =>
    read(tree, `${hub}/snapshots/${commit}/${path}`)?.length === size ? [] : [`${path} cannot be read`],
  )
}

const findRefFaults = (tree: Tree): string[] => {
  const commit = read(tree, `${hub}/refs/main`)
  return commit ? findUnreadable(tree, String(commit)) : []
}

const manifest = 'ollama/manifests/registry.ollama.ai/library/tiny/latest'

const findManifestFaults = (tree: Tree): string[] => {
  const text = read(tree, manifest)
  const digests = [...String(text ?? '').matchAll(/sha256:([0-9a-f]{64})/g)].map(([, hex]) => hex)
  if (text && digests.length === 0) return ['the manifest cannot be read']
  return digests.flatMap(hex => (read(tree, `ollama/blobs/sha256-${hex}`) ? [] : [`${hex} is not there`]))
}

interface ReceiptText {
  readonly revision: string
  readonly files: readonly { readonly path: string; readonly blob: string; readonly sha256: string }[]
}

const findReceiptFaults = (tree: Tree): string[] => {
  const path = '.switchyard/receipts/owner-1.json'
  if (!tree.has(path)) return []
  const receipt = json(tree, path) as ReceiptText | undefined
  if (!receipt) return ['the receipt cannot be read']
  const isOllama = receipt.revision.startsWith('sha256:')
  const shown = ({ path: name, blob }: ReceiptText['files'][number]) =>
    isOllama ? `ollama/blobs/${blob}` : `${hub}/snapshots/${receipt.revision}/${name}`
  const wrong = receipt.files.filter(file => {
    const bytes = read(tree, shown(file))
    return !bytes || hashOf('sha256', bytes) !== file.sha256
  })
  const lists = isOllama
    ? tree.has(manifest)
      ? []
      : ['no manifest']
    : findUnreadable(tree, receipt.revision)
  return [...wrong.map(file => `the receipt names ${file.path}, which is not there or wrong`), ...lists]
}

export const hasReceipt = (tree: Tree): boolean => tree.has('.switchyard/receipts/owner-1.json')

/** Every promise that this state breaks. */
export const findBroken = (tree: Tree): string[] => [
  ...findWrongBlobs(tree),
  ...findRefFaults(tree),
  ...findManifestFaults(tree),
  ...findReceiptFaults(tree),
]

/** What stands on a real disk, as a state. */
export const readState = (root: string): Tree => {
  const tree = new Map<string, Buffer | 'folder' | { readonly target: string }>()
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const what = entry.isFile() ? readFileSync(path) : 'folder'
    tree.set(relative(root, path), entry.isSymbolicLink() ? { target: readlinkSync(path) } : what)
  }
  return tree
}
