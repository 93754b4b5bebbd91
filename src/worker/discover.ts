// discover: what lies on a volume, whoever put it there, as one JSON document for people and programs. Nothing is written.
import { stat } from 'node:fs/promises'
import { isAbsolute, normalize, relative } from 'node:path'
import type { DiscoveredCopy, Discovery } from '../domain/discovery.ts'
import { digestOfRevision } from '../domain/engine-facts/ollama-names.ts'
import { ifThere } from './layout/disk.ts'
import { type FoundPlace, findPlaces, isClosed } from './layout/find-places.ts'
import { type FoundCopy, readCopies } from './layout/found-copies.ts'
import { type Filed, readReceipts } from './layout/receipt.ts'
import { WorkError } from './outcome.ts'

export const discover = async (given: string): Promise<Discovery> => {
  const root = await checkRoot(given)
  const unread = new Set<string>()
  const filed =
    (await passedOver(root, unread, () => readReceipts({ root, kind: 'HubCache', path: root }))) ?? []
  const all: { readonly copy: FoundCopy; readonly place: FoundPlace }[] = []
  for (const place of await findPlaces(root, folder => unread.add(folder))) {
    const copies = await passedOver(place.path, unread, () => readCopies(place))
    for (const copy of copies ?? []) all.push({ copy, place })
  }
  const copies: DiscoveredCopy[] = []
  for (const { copy, place } of all) {
    const path = relative(root, place.path)
    const { model, revision, isComplete } = copy
    copies.push({
      ...{ layout: place.kind, path, model },
      ...(revision ? { revision } : {}),
      bytes: await countBytes(copy.files),
      isComplete,
      receipt: findReceipt(filed, { kind: place.kind, path, model, revision }),
    })
  }
  const unreadable = [...unread].map(path => relative(root, path) || '.').sort()
  return { root, bytes: await countBytes(all.flatMap(({ copy }) => copy.files)), copies, unreadable }
}

/** Undefined for what belongs to another user and is closed to us, which is said; the rest is told all the same. */
const passedOver = async <T>(
  where: string,
  unread: Set<string>,
  read: () => Promise<T>,
): Promise<T | undefined> => {
  try {
    return await read()
  } catch (error) {
    if (!isClosed(error)) throw error
    unread.add((error as NodeJS.ErrnoException).path ?? where)
    return undefined
  }
}

const checkRoot = async (root: string): Promise<string> => {
  const isPlain = isAbsolute(root) && normalize(root) === root
  if (isPlain && (await ifThere(stat(root)))?.isDirectory()) return root
  throw new WorkError('InvalidSpec', '--root must be the absolute path of a folder that is there')
}

/** Each inode once, however many names lead to it. */
const countBytes = async (files: readonly string[]): Promise<number> => {
  const sizes = new Map<string, number>()
  for (const file of files) {
    const there = await ifThere(stat(file))
    if (there) sizes.set(`${there.dev}:${there.ino}`, there.size)
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

interface Sought {
  readonly kind: FoundPlace['kind']
  readonly path: string
  readonly model: string
  readonly revision: string | undefined
}

const findReceipt = (filed: readonly Filed[], sought: Sought): DiscoveredCopy['receipt'] => {
  const found = filed.find(({ isFinished, receipt }) => isFinished && isAbout(receipt, sought))
  if (!found) return 'None'
  return found.receipt.isAdopted ? 'Adopted' : 'Fetched'
}

const isAbout = ({ layout, source, revision }: Filed['receipt'], sought: Sought): boolean =>
  sought.kind === 'Folder'
    ? source.kind === 'Local' && source.name === sought.path
    : layout.path === sought.path &&
      source.name === sought.model &&
      digestOfRevision(revision) === sought.revision
