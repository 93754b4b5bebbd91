// The port of a disk layout: where blobs stand, how a copy becomes visible, how it is taken away.
import type { Layout } from '../../domain/worker-task.ts'
import type { Listing } from '../sources/source.ts'
import type { Receipt, ReceiptFile } from './receipt.ts'
import type { Heirs, Way } from './share-file.ts'

export interface Place {
  readonly layout: Layout
  readonly owner: string
  readonly kind: 'HuggingFace' | 'Ollama' | 'Local'
  /** repository id, folder of the volume, or full Ollama name */
  readonly name: string
  /** Ollama names that are only copies of a manifest */
  readonly aliases?: readonly string[] | undefined
}

interface Named {
  readonly path: string
  readonly blob: string
}

export interface Store {
  /** folder on the same filesystem, of this owner alone, for unfinished bytes; not read by any engine */
  readonly staging: string
  /** folder given to the engine; undefined where the engine finds the model by its name */
  pathOf(revision: string): string | undefined
  /** Where an engine reads a file of a visible copy. */
  shownAt(revision: string, file: Named): string
  /** Whether the copy has its name, whoever gave it; its files are not looked at. */
  isShown(listing: Listing): Promise<boolean>
  /** Where the bytes of a blob are now; undefined when they are not there. Says nothing about their digest. */
  findBlob(blob: string): Promise<string | undefined>
  /** MUST put verified bytes under their name by rename; a wrong blob of that name is replaced. */
  putBlob(from: string, blob: string): Promise<void>
  /** MUST give verified bytes from elsewhere on the volume their name here without a second copy. Undefined: it cannot. */
  shareBlob(from: string, blob: string): Promise<Way | undefined>
  /** MUST make the copy visible, last step last: a kill in between leaves nothing that looks finished. Idempotent. */
  publish(listing: Listing, asked: string): Promise<void>
  /** Undefined when the copy is visible as the receipt says, else what is missing. */
  findFault(receipt: Receipt): Promise<string | undefined>
  /** MUST take away what `receipt` made visible and none of the others needs; bytes that were Found stay. Returns bytes freed. */
  withdraw(receipt: Receipt, others: Others): Promise<number>
}

/** Blobs that are not of our making may be named otherwise, or be no blobs at all. */
export const locate = async (
  store: Store,
  { isAdopted, revision }: Receipt,
  file: ReceiptFile,
): Promise<string | undefined> => (isAdopted ? store.shownAt(revision, file) : store.findBlob(file.blob))

/** Who else is on the volume when a copy goes. */
export interface Others {
  readonly receipts: readonly Receipt[]
  readonly heirs: Heirs
}

/** The name in the store is of our making. */
export const isOurs = (file: ReceiptFile): boolean => file.origin !== 'Found'
