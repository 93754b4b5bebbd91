// Marks in `<root>/.switchyard/suspect/` on blobs that were found wrong: they are hashed before they are used again.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Layout } from '../../domain/worker-task.ts'
import { sha256 } from '../transfer/digest.ts'
import { listNames, writeWhole } from './disk.ts'
import { type Filed, home, type Receipt, relativePath, stagingOf } from './receipt.ts'

/** A folder of blobs: a repository of a Hub cache, or a whole Ollama store. */
export interface Shelf {
  readonly kind: Layout['kind']
  /** of the layout, relative to the volume */
  readonly path: string
  readonly name: string
}

export const shelfOf = ({ layout, source }: Receipt): Shelf => ({ ...layout, name: source.name })
export const shelfAt = (layout: Layout, name: string): Shelf => ({
  kind: layout.kind,
  path: relativePath(layout),
  name,
})

const idOf = ({ kind, path, name }: Shelf): string =>
  sha256(kind === 'HubCache' ? `${kind} ${path} ${name}` : `${kind} ${path}`).slice(0, 16)

export const isSameShelf = (a: Shelf, b: Shelf): boolean => idOf(a) === idOf(b)

export const hexOf = (blob: string): string => blob.replace(/^sha256-/, '')
const folderOf = (layout: Layout): string => join(home(layout), 'suspect')

/** Marks a blob, and its twins wherever a receipt names the same digest: they may be the same bytes. */
export const suspect = async (
  layout: Layout,
  wrong: { readonly blob: string; readonly shelf: Shelf; readonly filed: readonly Filed[] },
  owner: string,
): Promise<void> => {
  const hex = hexOf(wrong.blob)
  const holders = wrong.filed.filter(({ receipt }) => receipt.files.some(file => hexOf(file.blob) === hex))
  const shelves = [wrong.shelf, ...holders.map(({ receipt }) => shelfOf(receipt))]
  for (const id of new Set(shelves.map(idOf))) {
    const path = join(folderOf(layout), `${hex}.${id}`)
    await writeWhole({ path, staging: stagingOf(layout, owner), content: '' })
  }
}

/** Tells which blobs of a shelf must be hashed first. A mark without a shelf is of v0.1.0 and counts for all. */
export const listSuspects = async (layout: Layout, shelf: Shelf): Promise<(blob: string) => boolean> => {
  const marks = new Set(await listNames(folderOf(layout)))
  const id = idOf(shelf)
  return blob => marks.has(`${hexOf(blob)}.${id}`) || marks.has(blob)
}

/** Of very many blobs hardly one has a mark: the marks are looked through, not the blobs. */
export const trust = async (layout: Layout, shelf: Shelf, blobs: readonly string[]): Promise<void> => {
  const marks = await listNames(folderOf(layout))
  if (marks.length === 0) return
  const id = idOf(shelf)
  const over = new Set(blobs.flatMap(blob => [`${hexOf(blob)}.${id}`, blob]))
  for (const mark of marks.filter(name => over.has(name)))
    await rm(join(folderOf(layout), mark), { force: true })
}
