// What stands in `<root>/.switchyard/`: receipts of finished copies and intents of begun ones.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { Layout } from '../../domain/worker-task.ts'
import { WorkError } from '../outcome.ts'
import { sha256 } from '../transfer/digest.ts'
import { ensureFolder, ifThere, listNames, moveDurably, removeFile, syncUp, writeWhole } from './disk.ts'

const hex = z.string().regex(/^[0-9a-f]+$/)
const blobName = z.string().regex(/^(sha256-)?[0-9a-f]{40,64}$/)

const ReceiptFile = z.object({
  path: z.string().max(1024),
  size: z.number(),
  blob: blobName,
  /** computed by us, also where the source names another digest; absent in an intent */
  sha256: hex.optional(),
  /** Found = it was there before and is never deleted by us; Linked, InPlace = the name is ours, the bytes are those of
   *  another store of the volume: by a hard link, or by a symbolic one where hard links are refused */
  origin: z.enum(['Fetched', 'Found', 'Linked', 'InPlace']),
})
export type ReceiptFile = Readonly<z.infer<typeof ReceiptFile>>

const Receipt = z.object({
  version: z.literal(1),
  owner: z.string(),
  source: z.object({ kind: z.enum(['HuggingFace', 'Ollama', 'Local']), name: z.string(), asked: z.string() }),
  sourceHash: z.string(),
  endpoint: z.string(),
  revision: z.string(),
  listDigest: z.string(),
  /** path is relative to the root of the volume */
  layout: z.object({ kind: z.enum(['HubCache', 'OllamaStore']), path: z.string() }),
  files: z.array(ReceiptFile),
  bytes: z.number(),
  /** somebody else put the whole copy there: no name and no byte of it is ours; absent: of v0.1.0, which did not tell */
  isAdopted: z.boolean().optional(),
  /** absent in an intent */
  finished: z
    .object({
      startedAt: z.string(),
      finishedAt: z.string(),
      bytesFetched: z.number(),
      bytesReused: z.number(),
      note: z.string().max(256).optional(),
    })
    .optional(),
})
export type Receipt = Readonly<z.infer<typeof Receipt>>

/** A receipt or intent with the file it stands in. */
export interface Filed {
  readonly file: string
  /** SHA-256 of the file */
  readonly digest: string
  readonly isFinished: boolean
  readonly receipt: Receipt
}

export const home = (layout: Layout): string => join(layout.root, '.switchyard')
const folderOf = (layout: Layout, isFinished: boolean): string =>
  join(home(layout), isFinished ? 'receipts' : 'intents')
const fileOf = (layout: Layout, receipt: Receipt): string =>
  join(folderOf(layout, receipt.finished !== undefined), `${receipt.owner}.json`)

export const relativePath = (layout: Layout): string =>
  layout.path.slice(layout.root.length).replace(/^\/+/, '')

/** The same content is the same bytes: keys sorted, no spaces, one line. Of very many files they are many: encoded once. */
const canonical = (value: unknown): Buffer => {
  const sorted = (_: string, v: unknown): unknown =>
    v !== null && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v
  const text = JSON.stringify(value, sorted)
  // Not one more character on a text that may be long: that would be a second one.
  const line = Buffer.allocUnsafe(Buffer.byteLength(text) + 1)
  line.write(text)
  line.write('\n', line.length - 1)
  return line
}

const parse = (text: string): Receipt | undefined => {
  try {
    return Receipt.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

const readFiled = async (file: string, isFinished: boolean): Promise<Filed | undefined> => {
  const bytes = await ifThere(readFile(file))
  if (bytes === undefined) return undefined
  const receipt = parse(bytes.toString('utf8'))
  if (!receipt) throw new WorkError('Volume', `the receipt ${file} cannot be read; move it away to go on`)
  return { file, digest: sha256(bytes), isFinished, receipt }
}

/** Every receipt and intent on the volume, of every owner. Throws Volume when one cannot be read: what it holds is unknown. */
export const readReceipts = async (layout: Layout): Promise<Filed[]> => [
  ...(await readAll(layout, true)),
  ...(await readAll(layout, false)),
]

const readAll = async (layout: Layout, isFinished: boolean): Promise<Filed[]> => {
  const all: Filed[] = []
  const folder = folderOf(layout, isFinished)
  for (const name of await listNames(folder)) {
    const filed = name.endsWith('.json') ? await readFiled(join(folder, name), isFinished) : undefined
    if (filed) all.push(filed)
  }
  return all
}

/** Writes it; one of the same owner for other bytes is kept under another name, because it still holds them. */
export const writeReceipt = async (layout: Layout, receipt: Receipt): Promise<Filed> => {
  const file = fileOf(layout, receipt)
  const isFinished = receipt.finished !== undefined
  await ensureFolder(folderOf(layout, isFinished))
  const before = await readFiled(file, isFinished)
  if (before && before.receipt.listDigest !== receipt.listDigest) {
    await moveDurably(file, file.replace(/\.json$/, `.${before.receipt.listDigest.slice(0, 16)}.json`))
  }
  const content = canonical(receipt)
  await writeWhole({ path: file, staging: stagingOf(layout, receipt.owner), content })
  await syncUp(folderOf(layout, isFinished), layout.root)
  return { file, digest: sha256(content), isFinished, receipt }
}

/** The newest receipt of its owner; older ones that still hold bytes have longer names. */
export const isNewest = ({ file, receipt }: Filed): boolean => file.endsWith(`/${receipt.owner}.json`)

/** Writes other words for the same copy where its receipt stands. */
export const refile = async (staging: string, filed: Filed, receipt: Receipt): Promise<Filed> => {
  const content = canonical(receipt)
  await writeWhole({ path: filed.file, staging, content })
  return { ...filed, digest: sha256(content), receipt }
}

export const removeReceipt = async (filed: Filed): Promise<void> => {
  await removeFile(filed.file)
}

/** Folder for unfinished small files of one owner; also tells whether the volume can be written to. */
export const stagingOf = (layout: Layout, owner: string): string => join(home(layout), 'staging', owner)

/** What results say of how the copy is stored. */
export const saidOf = ({ isAdopted, finished }: Receipt): { isAdopted?: true; note?: string } => ({
  ...(isAdopted ? { isAdopted: true } : {}),
  ...(finished?.note ? { note: finished.note } : {}),
})
