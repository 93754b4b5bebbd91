// Bytes on a volume: what it may hold, what is used and reserved, and by whom.
import type { Model } from './object.ts'
import type { VolumeView, WorkView } from './platform.ts'

export interface Ledger {
  /** absent = only the real free space limits */
  readonly quotaBytes?: number
  readonly usedBytes: number
  /** of downloads that run now, without the asking Model's own */
  readonly reservedBytes: number
  readonly holders: readonly string[]
}

const isOn = (volume: VolumeView) => (copy: { claim: string; subPath: string }) =>
  copy.claim === volume.claim && copy.subPath === volume.subPath

/** Adds up the copies of all Models of the namespace on this volume; `asking` (a Model name) reserves nothing against itself. */
export const toLedger = (
  volume: VolumeView,
  models: readonly Model[],
  works: readonly WorkView[],
  asking = '',
): Ledger => {
  const holders = models.filter(model => model.status.copies?.some(isOn(volume)))
  const stored = holders.flatMap(model => model.status.copies?.filter(isOn(volume)) ?? [])
  const downloading = works.filter(
    work => work.command === 'download' && work.volume === volume.key && work.owner.name !== asking,
  )
  const reserved = downloading.map(
    work => models.find(model => model.metadata.uid === work.owner.uid)?.status.resolved?.bytes ?? 0,
  )
  return {
    ...(volume.quotaBytes === undefined ? {} : { quotaBytes: volume.quotaBytes }),
    usedBytes: sum(stored.map(copy => copy.bytesStored ?? 0)),
    reservedBytes: sum(reserved),
    holders: holders.map(model => model.metadata.name),
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)

/** What one more download may add; undefined when nothing but the disk limits it. */
export const budgetOf = (ledger: Ledger): number | undefined =>
  ledger.quotaBytes === undefined
    ? undefined
    : Math.max(0, ledger.quotaBytes - ledger.usedBytes - ledger.reservedBytes)
