// A folder of the volume as a source: nobody lists its digests, so its own bytes do; the digest of that list is the revision.
import { readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Capabilities } from '../../domain/capabilities.ts'
import { type RepoPath, toLocalPath, toRepoPath } from '../../domain/names.ts'
import { HeadCheck } from '../inspect/head-check.ts'
import { inspectRepository } from '../inspect/repository.ts'
import { ifThere, listBelow } from '../layout/disk.ts'
import { WorkError } from '../outcome.ts'
import { hashFile } from '../transfer/digest.ts'
import type { Wire } from '../transfer/wire.ts'
import { chooseFiles } from './choose-files.ts'
import { toBytes, toListDigest } from './listing-digest.ts'
import type { Listing, Source, SourceFile } from './source.ts'

const mostFiles = 100_000

export interface LocalOrder {
  /** root of the volume */
  readonly root: string
  readonly path: string
  readonly wire: Wire
  readonly onHashed?: (done: number, total: number) => void
}

export const openLocal = (order: LocalOrder): Source => {
  const path: string = toLocalPath(order.path)
  const folder = join(order.root, path)
  let listing: Promise<Listing> | undefined
  const read = () => {
    listing ??= readFolder(order, folder)
    return listing
  }
  return {
    kind: 'Local',
    name: path,
    asked: path,
    wire: order.wire,
    pin: async () => ({ revision: (await read()).revision }),
    list: async revision => checkRevision(await read(), revision, path),
    urlOf: (_, file) => `file://${[path, file.path].join('/')}`,
    mirrorsOf: () => [],
    inspect: known => inspect(folder, known),
  }
}

const checkRevision = (listing: Listing, revision: string, path: string): Listing => {
  if (listing.revision === revision) return listing
  throw new WorkError(
    'Integrity',
    `${path} has other bytes than when it was read first: ${listing.revision} instead of ${revision}; ask for a refresh when that is right`,
  )
}

const readFolder = async (order: LocalOrder, folder: string): Promise<Listing> => {
  await checkPlace(order, folder)
  const { files, format } = chooseFiles(await listFiles(order, folder), {})
  const total = toBytes({ files })
  let done = 0
  const hashed: SourceFile[] = []
  for (const file of files) {
    const onBytes = (count: number): void => {
      done += count
      order.onHashed?.(done, total)
    }
    hashed.push(await hashOne(order, { file, path: join(folder, file.path), onBytes }))
  }
  return { revision: `sha256:${toListDigest(hashed)}`, files: hashed, all: hashed, format }
}

/** The folder itself may be a link; where it leads must be on the volume. */
const checkPlace = async ({ root, path }: LocalOrder, folder: string): Promise<void> => {
  const real = await ifThere(realpath(folder))
  if (!real || !(await stat(real)).isDirectory())
    throw new WorkError('NotFound', `the volume has no folder ${path}`)
  await checkInside(root, real, path)
}

const checkInside = async (root: string, real: string, what: string): Promise<void> => {
  if (real.startsWith(`${await realpath(root)}/`)) return
  throw new WorkError('UnsafePath', `${what} leads out of the volume`)
}

/** Without digests: what is not chosen is not read. */
const listFiles = async (order: LocalOrder, folder: string): Promise<SourceFile[]> => {
  const paths = (await listBelow(folder)).sort()
  if (paths.length > mostFiles)
    throw new WorkError('Policy', `${order.path} has more than ${mostFiles} files`)
  const all: SourceFile[] = []
  for (const path of paths) {
    const size = await sizeInside(order, folder, toRepoPath(path, 'file'))
    if (size !== undefined) all.push({ path, size, blob: '', digest: { algorithm: 'sha256', hex: '' } })
  }
  return all
}

const sizeInside = async (
  { root, path }: LocalOrder,
  folder: string,
  file: RepoPath,
): Promise<number | undefined> => {
  const real = await ifThere(realpath(join(folder, file)))
  if (!real) return undefined
  await checkInside(root, real, `${path}/${file}`)
  const there = await stat(real)
  return there.isFile() ? there.size : undefined
}

interface OneFile {
  readonly file: SourceFile
  readonly path: string
  readonly onBytes: (count: number) => void
}

const hashOne = async ({ wire }: LocalOrder, { file, path, onBytes }: OneFile): Promise<SourceFile> => {
  await new HeadCheck(file, path).look(file.size)
  const order = { algorithm: 'sha256', size: file.size, signal: wire.signal, onBytes } as const
  const { sha256: hex } = await hashFile(path, order)
  return { ...file, digest: { algorithm: 'sha256', hex }, blob: hex }
}

const inspect = (folder: string, listing: Listing): Promise<Capabilities> =>
  inspectRepository({
    listing,
    declaredTask: undefined,
    read: file => readFile(join(folder, file.path)),
  })
