// The only writer of the Hugging Face cache layout: blobs by digest, snapshots of relative links, trees, refs last.
import { lstat, readFile, readlink, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { toCommit, toRepoId, toRepoPath, toRevision } from '../../domain/names.ts'
import { codeOf, WorkError } from '../outcome.ts'
import type { Listing, SourceFile } from '../sources/source.ts'
import {
  ensureFolder,
  ifThere,
  listBelow,
  listNames,
  moveDurably,
  pruneEmpty,
  removeFile,
  sizeOf,
  syncBelow,
  syncFolder,
  syncUp,
  writeWhole,
} from './disk.ts'
import type { Receipt } from './receipt.ts'
import { letGo, shareFile } from './share-file.ts'
import { isOurs, type Others, type Place, type Store } from './store.ts'

interface Cache {
  /** models--owner--name */
  readonly folder: string
  readonly staging: string
  /** of the volume */
  readonly root: string
}

export const openHubCache = ({ layout, name, owner }: Place): Store => {
  const folder = join(layout.path, `models--${toRepoId(name).replace('/', '--')}`)
  const cache: Cache = { folder, staging: join(folder, '.staging', owner), root: layout.root }
  const blobPath = (blob: string) => join(folder, 'blobs', blob)
  return {
    staging: cache.staging,
    pathOf: revision => snapshotOf(cache, revision),
    shownAt: (revision, { path }) => join(snapshotOf(cache, revision), toRepoPath(path)),
    isShown: async () => true,
    findBlob: async blob => ((await sizeOf(blobPath(blob))) === undefined ? undefined : blobPath(blob)),
    putBlob: (from, blob) => moveDurably(from, blobPath(blob)),
    shareBlob: (from, blob) => shareFile({ from, to: blobPath(blob), staging: cache.staging }),
    publish: (listing, asked) => publish(cache, listing, asked),
    findFault: receipt => findFault(cache, receipt),
    withdraw: (receipt, others) => withdraw(cache, receipt, others),
  }
}

const snapshotOf = (cache: Cache, revision: string): string =>
  join(cache.folder, 'snapshots', toCommit(revision))

const linkTarget = (path: string, blob: string): string =>
  relative(join('snapshots/commit', dirname(path)), join('blobs', blob))

const publish = async (cache: Cache, listing: Listing, asked: string): Promise<void> => {
  const snapshot = snapshotOf(cache, listing.revision)
  const made = join(cache.staging, listing.revision)
  await rm(made, { recursive: true, force: true })
  for (const file of listing.files) await makeLink(made, file)
  await syncBelow(made)
  await joinSnapshot(made, snapshot, listing.files)
  await writeTree(cache, listing)
  await syncNames(cache, snapshot)
  await writeRef(cache, listing.revision, asked)
  await rm(cache.staging, { recursive: true, force: true })
}

/** Also names that a killed work has left: it may have been killed before it synced them. */
const syncNames = async (cache: Cache, snapshot: string): Promise<void> => {
  await syncBelow(snapshot)
  for (const name of ['blobs', 'snapshots', 'trees']) await ifThere(syncFolder(join(cache.folder, name)))
  await syncUp(cache.folder, cache.root)
}

const makeLink = async (folder: string, file: SourceFile): Promise<void> => {
  const path = join(folder, toRepoPath(file.path))
  await ensureFolder(dirname(path))
  await symlink(linkTarget(file.path, file.blob), path)
}

/** A new snapshot appears whole; into one that is there each link is moved. */
const joinSnapshot = async (made: string, snapshot: string, files: readonly SourceFile[]): Promise<void> => {
  try {
    await moveDurably(made, snapshot)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error
    await moveLinks(made, snapshot, files)
  }
}

const moveLinks = async (made: string, snapshot: string, files: readonly SourceFile[]): Promise<void> => {
  for (const { path } of files) await refuseFile(join(snapshot, path))
  for (const { path } of files) {
    await ensureFolder(dirname(join(snapshot, path)))
    await rename(join(made, path), join(snapshot, path))
  }
}

/** A link is no bytes; a file in its place is somebody's, and not what the source lists. */
const refuseFile = async (path: string): Promise<void> => {
  if ((await ifThere(lstat(path)))?.isFile())
    throw new WorkError('Integrity', `${path} is not a link of ours and has other bytes; move it away`)
}

interface TreeEntry {
  readonly size: number
  readonly blob_id: string
  readonly lfs_sha256?: string
  readonly lfs_size?: number
}
type Tree = Readonly<Record<string, TreeEntry>>

const treeFile = (cache: Cache, commit: string): string => join(cache.folder, 'trees', `${commit}.json`)

const toTreeEntry = (file: SourceFile): TreeEntry => {
  const { size, digest } = file
  if (digest.algorithm === 'gitSha1') return { size, blob_id: digest.hex }
  return { size, blob_id: file.gitOid ?? digest.hex, lfs_sha256: digest.hex, lfs_size: size }
}

const readTree = async (cache: Cache, commit: string): Promise<Tree> => {
  const text = await ifThere(readFile(treeFile(cache, commit), 'utf8'))
  try {
    return (JSON.parse(text ?? '{}') as { files?: Tree }).files ?? {}
  } catch {
    return {}
  }
}

/** Exactly what is published: a list with more in it makes readers believe the snapshot is incomplete. */
const storeTree = async (cache: Cache, commit: string, entries: Tree): Promise<void> => {
  const there = new Set(await listBelow(snapshotOf(cache, commit)))
  const kept = Object.entries(entries).filter(([path]) => there.has(path))
  const files = Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)))
  const content = JSON.stringify({ format_version: 1, files }, null, 1)
  await writeWhole({ path: treeFile(cache, commit), staging: cache.staging, content })
}

const writeTree = async (cache: Cache, listing: Listing): Promise<void> => {
  const ours = Object.fromEntries(listing.files.map(file => [file.path, toTreeEntry(file)]))
  await storeTree(cache, listing.revision, { ...(await readTree(cache, listing.revision)), ...ours })
}

const writeRef = async (cache: Cache, commit: string, asked: string): Promise<void> => {
  const path = join(cache.folder, 'refs', toRevision(asked))
  if (asked === commit) return
  await writeWhole({ path, staging: cache.staging, content: commit })
}

const findFault = async (cache: Cache, receipt: Receipt): Promise<string | undefined> => {
  const snapshot = snapshotOf(cache, receipt.revision)
  if (receipt.isAdopted) return undefined
  for (const file of receipt.files) {
    const target = await ifThere(readlink(join(snapshot, toRepoPath(file.path))))
    if (target !== linkTarget(file.path, file.blob)) return `the snapshot does not show ${file.path}`
  }
  return (await sizeOf(treeFile(cache, receipt.revision))) === undefined ? 'the file list is gone' : undefined
}

const withdraw = async (cache: Cache, receipt: Receipt, { receipts, heirs }: Others): Promise<number> => {
  const sameRepo = receipts.filter(other => other.source.kind === 'HuggingFace' && isSameRepo(other, receipt))
  await hideFiles(cache, receipt, sameRepo)
  const freed = await removeBlobs(cache, receipt, { receipts: sameRepo, heirs })
  await rm(cache.staging, { recursive: true, force: true })
  for (const name of ['.staging', 'blobs', 'snapshots', 'trees', 'refs']) {
    await pruneEmpty(join(cache.folder, name), dirname(cache.folder))
  }
  return freed
}

const isSameRepo = (a: Receipt, b: Receipt): boolean =>
  a.source.name === b.source.name && a.layout.path === b.layout.path

/** Names go before bytes: refs, then links and list, so that no reader finds a name without its bytes. */
const hideFiles = async (cache: Cache, receipt: Receipt, others: readonly Receipt[]): Promise<void> => {
  const commit = receipt.revision
  const snapshot = snapshotOf(cache, commit)
  const twins = others.filter(other => other.revision === commit)
  const kept = new Set(twins.flatMap(twin => twin.files.map(file => file.path)))
  const leaving = receipt.files.filter(file => isOurs(file) && !kept.has(file.path))
  const leavingPaths = new Set<string>(leaving.map(file => file.path))
  const staying = (await listBelow(snapshot)).filter(path => !leavingPaths.has(path))
  if (staying.length === 0) await removeRefs(cache, commit)
  for (const { path, blob } of leaving) {
    const link = join(snapshot, toRepoPath(path))
    if ((await ifThere(readlink(link))) === linkTarget(path, blob)) await removeFile(link)
    await pruneEmpty(dirname(link), dirname(snapshot))
  }
  if (staying.length > 0) await storeTree(cache, commit, await readTree(cache, commit))
  else await removeFile(treeFile(cache, commit))
}

const removeRefs = async (cache: Cache, commit: string): Promise<void> => {
  const refs = join(cache.folder, 'refs')
  for (const name of await listBelow(refs)) {
    const path = join(refs, name)
    if ((await ifThere(readFile(path, 'utf8')))?.trim() === commit) await removeFile(path)
    await pruneEmpty(dirname(path), refs)
  }
}

/** A blob that any snapshot still shows stays, also when no receipt of ours says so. */
const removeBlobs = async (cache: Cache, receipt: Receipt, { receipts, heirs }: Others): Promise<number> => {
  const needed = new Set(receipts.flatMap(other => other.files.map(file => file.blob)))
  for (const blob of await listShown(cache)) needed.add(blob)
  let freed = 0
  for (const file of receipt.files) {
    if (!isOurs(file) || needed.has(file.blob)) continue
    freed += await letGo(join(cache.folder, 'blobs', file.blob), heirs)
  }
  return freed
}

const listShown = async (cache: Cache): Promise<string[]> => {
  const shown: string[] = []
  const snapshots = join(cache.folder, 'snapshots')
  for (const commit of await listNames(snapshots)) {
    for (const path of await listBelow(join(snapshots, commit))) {
      const target = await readlink(join(snapshots, commit, path)).catch(() => '')
      shown.push(target.split('/').at(-1) ?? '')
    }
  }
  return shown
}
