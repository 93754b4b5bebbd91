// Listings of a commit: the tree in pages, and the entries for given paths.
import { createHash } from 'node:crypto'
import type { Commit, RepositoryFile } from './repository.ts'

export interface TreeEntry {
  readonly type: 'file' | 'directory'
  readonly oid: string
  readonly size: number
  readonly path: string
}

function folderEntry(path: string, commit: Commit): TreeEntry {
  const inside = [...commit.files.values()].filter(file => file.path.startsWith(`${path}/`))
  const oid = createHash('sha1')
    .update(JSON.stringify(inside.map(file => [file.path, file.oid])))
    .digest('hex')
  return { type: 'directory', oid, size: 0, path }
}

function fileEntry(file: RepositoryFile): TreeEntry {
  const { path, oid, content, lfs } = file
  return { type: 'file', oid, size: content.size, path, ...(lfs === undefined ? {} : { lfs }) }
}

function foldersOf(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'))
}

function expanded(entry: TreeEntry, commit: Commit) {
  const lastCommit = { id: commit.id, title: commit.title, date: commit.date }
  return { ...entry, lastCommit, securityFileStatus: { status: 'safe' } }
}

interface TreeOptions {
  readonly recursive: boolean
  readonly expand: boolean
}

/** A commit never changes, and a long list is asked for page by page. */
const lastTree = new WeakMap<Commit, { readonly asked: string; readonly entries: readonly TreeEntry[] }>()

/** undefined: there is no such folder. */
export function listTree(
  commit: Commit,
  folder: string,
  options: TreeOptions,
): readonly TreeEntry[] | undefined {
  const asked = JSON.stringify([folder, options])
  const last = lastTree.get(commit)
  if (last?.asked === asked) return last.entries
  const entries = readTree(commit, folder, options)
  if (entries) lastTree.set(commit, { asked, entries })
  return entries
}

function readTree(commit: Commit, folder: string, options: TreeOptions) {
  const prefix = folder === '' ? '' : `${folder}/`
  const files = [...commit.files.values()].filter(file => file.path.startsWith(prefix))
  if (files.length === 0 && folder !== '') return undefined
  const folders = new Set(files.flatMap(file => foldersOf(file.path)).filter(path => path.startsWith(prefix)))
  const isNear = (path: string) => options.recursive || !path.slice(prefix.length).includes('/')
  const entries = [
    ...[...folders]
      .sort()
      .filter(isNear)
      .map(path => folderEntry(path, commit)),
    ...files.filter(file => isNear(file.path)).map(fileEntry),
  ]
  return options.expand ? entries.map(entry => expanded(entry, commit)) : entries
}

export function listPaths(commit: Commit, paths: readonly string[], expand: boolean) {
  const entries = paths.flatMap(path => {
    const file = commit.files.get(path)
    if (file !== undefined) return [fileEntry(file)]
    return listTree(commit, path, { recursive: false, expand: false }) ? [folderEntry(path, commit)] : []
  })
  return expand ? entries.map(entry => expanded(entry, commit)) : entries
}
