// Bytes that another store of the volume holds already: found, hashed, and given a name here instead of being fetched.
import { stat } from 'node:fs/promises'
import type { Layout } from '../domain/worker-task.ts'
import { proveFound } from './found-blob.ts'
import { indexBlobs } from './layout/blob-index.ts'
import { ensureFolder, ifThere } from './layout/disk.ts'
import type { Way } from './layout/share-file.ts'
import type { Store } from './layout/store.ts'
import type { SourceFile } from './sources/source.ts'

/** Bytes of a blob under another name. */
export interface Elsewhere {
  readonly path: string
  /** computed now, whatever a receipt of the other store says: its bytes may have changed since */
  readonly sha256: string
}

export interface Search {
  readonly layout: Layout
  readonly store: Store
  readonly signal: AbortSignal
  readonly onHashed: (count: number) => void
}

/** Blob → where else on this filesystem its bytes are, for those of `missing` that are somewhere. */
export const findElsewhere = async (
  search: Search,
  missing: readonly SourceFile[],
): Promise<Map<string, Elsewhere>> => {
  const found = new Map<string, Elsewhere>()
  if (missing.length === 0) return found
  const index = await indexBlobs(search.layout.root)
  await ensureFolder(search.layout.path)
  const { dev } = await stat(search.layout.path)
  for (const file of missing) {
    const own = await search.store.findBlob(file.blob)
    for (const path of index.get(file.digest.hex) ?? []) {
      const sha256 = path === own ? undefined : await checkBytes(search, { file, path, dev })
      if (!sha256) continue
      found.set(file.blob, { path, sha256 })
      break
    }
  }
  return found
}

interface Candidate {
  readonly file: SourceFile
  readonly path: string
  /** filesystem that the store lies on: no name of it can hold bytes of another */
  readonly dev: number
}

/** Engines of any user must be able to read what gets a name here. */
const everybodyReads = 0o444

const checkBytes = async (search: Search, { file, path, dev }: Candidate): Promise<string | undefined> => {
  const there = await ifThere(stat(path))
  const isLike = there?.size === file.size && there.dev === dev
  if (!isLike || (there.mode & everybodyReads) !== everybodyReads) return undefined
  return proveFound(search, file, path)
}

/** Blob → how it got its name; a blob that is not in it has to be fetched after all. */
export const shareBlobs = async (
  store: Store,
  shared: ReadonlyMap<string, Elsewhere>,
): Promise<ReadonlyMap<string, Way>> => {
  const ways = new Map<string, Way>()
  for (const [blob, { path }] of shared) {
    const way = await store.shareBlob(path, blob)
    if (way) ways.set(blob, way)
  }
  return ways
}

/** One sentence for people where a blob is not simply one more hard link; undefined when all are. */
export const describeSharing = (
  shared: ReadonlyMap<string, Elsewhere>,
  ways: ReadonlyMap<string, Way>,
): string | undefined => {
  const inPlace = [...ways.values()].filter(way => way === 'InPlace').length
  const refused = shared.size - ways.size
  const told = [
    ...(inPlace > 0 ? [`${inPlace} of its blobs are used where another copy keeps them`] : []),
    ...(refused > 0 ? [`${refused} of its blobs are on the volume a second time`] : []),
  ]
  return told.length > 0 ? `the volume refuses hard links: ${told.join('; ')}` : undefined
}
