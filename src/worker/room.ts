// What a work still has to write, what its volume has room for, and the words for when the one does not fit into the other.
import { stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { DownloadTask } from './draft-receipt.ts'
import { ifThere, sizeOf } from './layout/disk.ts'
import { openStore } from './layout/open-store.ts'
import { readReceipts } from './layout/receipt.ts'
import type { Store } from './layout/store.ts'
import { toFailure, WorkError } from './outcome.ts'
import { nameSource } from './sources/open-source.ts'

export interface Room {
  readonly bytes: number
  /** names that can still be made; where the filesystem does not count them: any number */
  readonly files: number
}

interface Blob {
  readonly blob: string
  readonly size: number
}

/** Folders, lists, receipts and temporary names of one work, at most. */
const ownFiles = 32

export const roomOf = async (folder: string): Promise<Room> => {
  const { bavail, bsize, files, ffree } = await statfs(folder)
  return { bytes: bavail * bsize, files: files === 0 ? Number.POSITIVE_INFINITY : ffree }
}

/** Room for metadata and for others: 2 % and 64 MiB, at most 1 GiB. */
const margin = (bytes: number): number => Math.min(1 << 30, Math.ceil(bytes * 0.02) + (64 << 20))

/** `names`: files that the copy shows, beside its blobs. */
export const toNeed = (bytes: number, blobs: number, names: number): Room => ({
  bytes: bytes + margin(bytes),
  files: blobs + names + ownFiles,
})

/** Where the unfinished bytes of a blob stand. */
export const partialOf = ({ staging }: Store, blob: string): string => join(staging, `${blob}.part`)

/** Bytes that unfinished blobs occupy already: room that is not needed a second time. */
export const countHeld = async (store: Store, blobs: readonly Blob[]): Promise<number> => {
  let held = 0
  for (const { blob, size } of blobs) {
    const found = await ifThere(stat(partialOf(store, blob)))
    if (found) held += Math.min(size, found.blocks * 512)
  }
  return held
}

/** `because`: what the system said, when it was asked for more than there was. */
export const toNoSpace = (need: Room, have: Room, because = ''): WorkError => {
  const message =
    have.files < need.files
      ? `${need.files} files are needed, ${have.files} can be made on the volume`
      : `${need.bytes} bytes are needed, ${have.bytes} are free on the volume`
  return new WorkError('NoSpace', because ? `${message} (${because})` : message, {
    needBytes: need.bytes,
    haveBytes: have.bytes,
  })
}

/** A full volume is told with both numbers, whatever it was that found no room. */
export const tellRoom = async (task: DownloadTask, error: unknown): Promise<unknown> => {
  const { reason, needBytes, message } = toFailure(error)
  if (reason !== 'NoSpace' || needBytes !== undefined) return error
  const have = await roomOf(task.layout.root)
  return toNoSpace(await stillNeeded(task), have, message.slice(0, 160))
}

/** From the intent on the volume; before there is one only the work's own files are known. */
const stillNeeded = async (task: DownloadTask): Promise<Room> => {
  const { layout, owner, listDigest } = task
  const store = openStore({ ...nameSource(task.source, task.layout), layout, owner })
  const filed = await readReceipts(layout)
  const intent = filed.find(({ receipt }) => receipt.owner === owner && receipt.listDigest === listDigest)
  const files = intent?.receipt.files ?? []
  const missing: Blob[] = []
  for (const file of new Map(files.map(one => [one.blob, one])).values()) {
    const path = await store.findBlob(file.blob)
    if (!path || (await sizeOf(path)) !== file.size) missing.push(file)
  }
  const bytes = missing.reduce((sum, { size }) => sum + size, 0) - (await countHeld(store, missing))
  return toNeed(bytes, missing.length, files.length)
}
