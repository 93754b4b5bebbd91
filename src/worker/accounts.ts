// On whose account bytes are when the copy that counted them goes and other copies of the volume keep them.
import { stat } from 'node:fs/promises'
import type { Fallen } from '../domain/worker-task.ts'
import { ifThere } from './layout/disk.ts'
import { hexOf } from './layout/doubt.ts'
import { type Filed, isNewest, type Receipt, type ReceiptFile } from './layout/receipt.ts'
import { targetOf } from './layout/share-file.ts'
import { isOurs, type Store } from './layout/store.ts'

export type OpenFor = (receipt: Receipt) => Store

interface Holder {
  readonly filed: Filed
  readonly file: ReceiptFile
}

/** Bytes that the leaving copy counts, and who has a name of them besides, next in line first. */
interface Shared {
  readonly size: number
  readonly heirs: readonly Holder[]
}

const rank: Readonly<Record<ReceiptFile['origin'], string>> = {
  Fetched: '0',
  Linked: '1',
  InPlace: '2',
  Found: '3',
}
/** An intent is behind every receipt. */
const placeOf = ({ filed, file }: Holder): string =>
  `${rank[file.origin]} ${filed.receipt.finished?.finishedAt ?? '~'} ${filed.file}`

/** Who counts shared bytes: who fetched them, else who was finished first. */
const inLine = (a: Holder, b: Holder): number => (placeOf(a) < placeOf(b) ? -1 : 1)

const uniqueBlobs = ({ files }: Receipt): ReceiptFile[] => [
  ...new Map(files.map(file => [file.blob, file])).values(),
]

/** By digest: the two layouts name the same bytes differently. */
const indexHolders = (filed: readonly Filed[], wanted: ReadonlySet<string>): Map<string, Holder[]> => {
  const index = new Map<string, Holder[]>()
  for (const entry of filed) {
    for (const file of uniqueBlobs(entry.receipt)) {
      const hex = hexOf(file.blob)
      if (!isOurs(file) || !wanted.has(hex)) continue
      const known = index.get(hex)
      if (known) known.push({ filed: entry, file })
      else index.set(hex, [{ filed: entry, file }])
    }
  }
  return index
}

const inodeOf = async (openFor: OpenFor, { filed, file }: Holder): Promise<string | undefined> => {
  const path = await openFor(filed.receipt).findBlob(file.blob)
  const found = path ? await ifThere(stat(path)) : undefined
  return found && `${found.dev}:${found.ino}`
}

/** MUST be called while the copy is there: which bytes it counts as its own and others keep. */
export const findShared = async (
  leaving: Filed,
  staying: readonly Filed[],
  openFor: OpenFor,
): Promise<readonly Shared[]> => {
  const counted = uniqueBlobs(leaving.receipt).filter(file => file.origin === 'Fetched')
  const index = indexHolders(staying, new Set(counted.map(file => hexOf(file.blob))))
  const shared: Shared[] = []
  for (const file of counted) {
    const own = { filed: leaving, file }
    const heirs = await findHeirs(own, index.get(hexOf(file.blob)) ?? [], openFor)
    if (heirs.length > 0) shared.push({ size: file.size, heirs })
  }
  return shared
}

/** None while another copy of the same Model keeps the bytes, or one counts them already. */
const findHeirs = async (
  own: Holder,
  holders: readonly Holder[],
  openFor: OpenFor,
): Promise<readonly Holder[]> => {
  const inode = holders.length > 0 ? await inodeOf(openFor, own) : undefined
  if (!inode) return []
  const heirs: Holder[] = []
  for (const holder of holders) if ((await inodeOf(openFor, holder)) === inode) heirs.push(holder)
  const isCounted = (heir: Holder) =>
    heir.filed.receipt.owner === own.filed.receipt.owner ||
    (heir.file.origin === 'Fetched' && inLine(heir, own) < 0)
  return heirs.some(isCounted) ? [] : heirs.sort(inLine)
}

export interface PassedOn {
  readonly fallen: readonly Fallen[]
  /** receipts as they were, and as they are now */
  readonly refiled: ReadonlyMap<Filed, Filed>
}

interface Passing {
  readonly openFor: OpenFor
  /** writes a receipt again where it stands */
  readonly refile: (filed: Filed, receipt: Receipt) => Promise<Filed>
}

/** MUST be called once the copy has let go: the receipt of each heir says from then on that the bytes are its own. */
export const passOn = async (shared: readonly Shared[], { openFor, refile }: Passing): Promise<PassedOn> => {
  const inherited = new Map<Filed, Map<string, number>>()
  for (const { size, heirs } of shared) {
    const heir = await firstWithBytes(heirs, openFor)
    if (!heir) continue
    const blobs = inherited.get(heir.filed) ?? new Map<string, number>()
    inherited.set(heir.filed, blobs.set(heir.file.blob, size))
  }
  const refiled = new Map<Filed, Filed>()
  const fallen: Fallen[] = []
  for (const [filed, blobs] of inherited) {
    const now = await refile(filed, toOwn(filed.receipt, blobs))
    refiled.set(filed, now)
    const bytes = [...blobs.values()].reduce((sum, size) => sum + size, 0)
    fallen.push({ owner: now.receipt.owner, bytes, ...(isNewest(now) ? { receipt: now.digest } : {}) })
  }
  return { fallen, refiled }
}

/** Of names in place the store has given the bytes to one. */
const firstWithBytes = async (heirs: readonly Holder[], openFor: OpenFor): Promise<Holder | undefined> => {
  for (const heir of heirs) {
    const path = await openFor(heir.filed.receipt).findBlob(heir.file.blob)
    if (path && (await targetOf(path)) === undefined) return heir
  }
  return undefined
}

const toOwn = (receipt: Receipt, blobs: ReadonlyMap<string, number>): Receipt => ({
  ...receipt,
  files: receipt.files.map(file => (blobs.has(file.blob) ? { ...file, origin: 'Fetched' as const } : file)),
})

/** A result is short: of more heirs than anybody has the last ones are not told. */
const mostHeirs = 24

/** One entry for each owner. */
export const toSums = (fallen: readonly Fallen[]): readonly Fallen[] => {
  const sums = new Map<string, Fallen>()
  for (const one of fallen) {
    const bytes = one.bytes + (sums.get(one.owner)?.bytes ?? 0)
    sums.set(one.owner, { ...sums.get(one.owner), ...one, bytes })
  }
  return [...sums.values()].slice(0, mostHeirs)
}
