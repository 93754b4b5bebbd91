// A repository of the hub stand-in: branches, tags and commits whose ids follow from their content.
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Content, type ContentSource, toContent } from '../content.ts'

/** Path → content; null takes a file away. */
export type FileChanges = Readonly<Record<string, ContentSource | null>>

export interface RepositoryOptions {
  readonly id: string
  /** Files of the first commit on `main`; or a folder on disk. */
  readonly files?: FileChanges
  readonly folder?: string
  readonly private?: boolean
  readonly gated?: false | 'auto' | 'manual'
  /** Access turned off by the Hub itself. */
  readonly disabled?: boolean
  /** The tokens that may read a private or gated repository. */
  readonly readers?: readonly string[]
  /** Kept in LFS besides *.safetensors, *.gguf and files of 1 MB or more. */
  readonly lfs?: readonly string[]
}

export interface RepositoryFile {
  readonly path: string
  readonly content: Content
  /** The git id: of the content, or of the LFS pointer. */
  readonly oid: string
  readonly lfs?: { readonly oid: string; readonly size: number; readonly pointerSize: number }
}

export interface Commit {
  readonly id: string
  readonly title: string
  readonly date: string
  readonly files: ReadonlyMap<string, RepositoryFile>
}

export interface Repository {
  readonly id: string
  readonly options: RepositoryOptions
  readonly readers: Set<string>
  gated: false | 'auto' | 'manual'
  readonly branches: Map<string, string>
  readonly tags: Map<string, string>
  readonly commits: Map<string, Commit>
}

const LFS_SIZE = 1_000_000
const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1)

/** Every file of a folder, as changes. */
export function filesOfFolder(folder: string): Record<string, ContentSource> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    entry => !entry.isDirectory(),
  )
  return Object.fromEntries(
    files.map(entry => {
      const file = join(entry.parentPath, entry.name)
      return [file.slice(folder.replace(/\/$/, '').length + 1), { file }]
    }),
  )
}

function toFile(path: string, source: ContentSource, options: RepositoryOptions): RepositoryFile {
  const content = toContent(source)
  const isLarge = /\.(safetensors|gguf)$/.test(path) || content.size >= LFS_SIZE
  if (!isLarge && !options.lfs?.includes(path)) return { path, content, oid: content.gitOid }
  const oid = content.sha256
  const pointer = toContent(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.size}\n`,
  )
  return { path, content, oid: pointer.gitOid, lfs: { oid, size: content.size, pointerSize: pointer.size } }
}

/** Commits changes on top of a branch (made when it does not exist yet) and returns the commit's id. */
export function commitTo(repository: Repository, branch: string, changes: FileChanges): string {
  const parent = repository.branches.get(branch) ?? repository.branches.get('main')
  const files = new Map(parent === undefined ? [] : repository.commits.get(parent)!.files)
  for (const [path, source] of Object.entries(changes)) {
    if (source === null) files.delete(path)
    else files.set(path, toFile(path, source, repository.options))
  }
  const sorted = [...files.values()].sort(byPath)
  const list = sorted.map(file => [file.path, file.oid])
  const id = createHash('sha1')
    .update(JSON.stringify([parent ?? null, repository.id, list]))
    .digest('hex')
  const date = new Date(Date.UTC(2026, 0, 1) + repository.commits.size * 1000).toISOString()
  const title = parent === undefined ? 'initial commit' : `Update ${Object.keys(changes).join(', ')}`
  repository.commits.set(id, { id, title, date, files: new Map(sorted.map(file => [file.path, file])) })
  repository.branches.set(branch, id)
  return id
}

export function openRepository(options: RepositoryOptions): Repository {
  const repository: Repository = {
    id: options.id,
    options,
    readers: new Set(options.readers),
    gated: options.gated ?? false,
    branches: new Map(),
    tags: new Map(),
    commits: new Map(),
  }
  const files = options.folder === undefined ? {} : filesOfFolder(options.folder)
  commitTo(repository, 'main', { ...files, ...options.files })
  return repository
}

export function findCommit(repository: Repository, revision: string): Commit | undefined {
  const name = revision === 'HEAD' ? 'main' : revision
  const id = repository.branches.get(name) ?? repository.tags.get(name) ?? name
  return repository.commits.get(id)
}

/**
 * Splits "revision/path" where the revision may hold slashes, encoded or not: the longest known revision wins, else
 * the first segment is it.
 */
export function splitRevision(repository: Repository, segments: readonly string[]) {
  for (let n = segments.length; n > 0; n--) {
    const revision = segments.slice(0, n).join('/')
    const commit = findCommit(repository, revision)
    if (commit !== undefined) return { revision, commit, path: segments.slice(n).join('/') }
  }
  return { revision: segments[0] ?? '', commit: undefined, path: segments.slice(1).join('/') }
}
