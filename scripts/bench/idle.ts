// An idle operator: what it writes, computes and holds while nothing happens.
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '../../src/platform/kubernetes/kernel/event-series.ts'
import { type Counts, countByName, operatorWrites } from './audit.ts'
import type { Place } from './place.ts'
import { cpuSeconds, read, residentMegabytes } from './process.ts'

export type Idle = {
  readonly minutes: number
  /** without those of its Lease */
  readonly writes: Counts
  readonly cpuSeconds: number
  readonly residentMegabytes: number
}

/** The last word of a series is written when the series has been quiet; that belongs to what happened before. */
export const settleMs = limits.quietMs + 90_000

export async function watchIdle(place: Place, minutes: number): Promise<Idle> {
  const pid = await operatorProcess(place)
  const before = cpuSeconds(pid)
  const from = Date.now()
  await sleep(minutes * 60_000)
  const cpu = cpuSeconds(pid) - before
  const writes = countByName(operatorWrites(place.cluster, { from, to: Date.now() }))
  return { minutes, writes, cpuSeconds: Number(cpu.toFixed(2)), residentMegabytes: residentMegabytes(pid) }
}

/** The pod's uid is in the path of its control group, so that no other cluster's operator can be meant. */
async function operatorProcess({ api }: Place): Promise<number> {
  const path = '/api/v1/namespaces/switchyard-system/pods?labelSelector=app.kubernetes.io%2Fname%3Dswitchyard'
  const { items } = (await api.request('GET', path)) as { items: { metadata: { uid: string } }[] }
  const uids = items.flatMap(({ metadata: { uid } }) => [uid, uid.replaceAll('-', '_')])
  const pid = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(name => uids.some(uid => read(`/proc/${name}/cgroup`).includes(uid)))
    .find(name => read(`/proc/${name}/cmdline`).includes('\0operator'))
  if (!pid) throw new Error('no process of the operator on this machine')
  return Number(pid)
}
