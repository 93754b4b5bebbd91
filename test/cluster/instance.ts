// One test cluster's place on the machine: its number gives ports, subnets and names, so that several run side by side.
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { type Hold, tryHold } from './exclusive.ts'
import { endRecorded, recordedNames } from './processes.ts'

export type Instance = {
  readonly number: number
  readonly stateDir: string
  readonly bridge: string
  /** The host's address on the bridge: nodes and pods reach the host there. */
  readonly hostAddress: string
  readonly ports: {
    readonly api: number
    readonly etcd: number
    readonly peer: number
    readonly controllers: number
    readonly scheduler: number
  }
  readonly podCidr: string
  readonly serviceCidr: string
  readonly serviceAddress: string
}

type Record = { readonly stateDir: string; readonly keep: boolean }

const limit = 40
const recordFile = (number: number) => join(tmpdir(), 'switchyard-clusters', `${number}.json`)

/** Claims the first free number, cleaning what a crashed run left under it. `hold` is freed with this process. */
export async function claimInstance(wanted?: string): Promise<{ instance: Instance; hold: Hold }> {
  await sweep()
  for (let number = 0; number < limit; number++) {
    const hold = await tryHold(`cluster-${number}`)
    if (!hold) continue
    await cleanLeftovers(number)
    const stateDir = wanted ?? join(tmpdir(), 'switchyard-clusters', `state-${number}`)
    const instance = layoutOf(number, stateDir)
    if (isForeign(instance)) {
      await hold.release()
      continue
    }
    mkdirSync(stateDir, { recursive: true })
    writeFileSync(
      recordFile(number),
      JSON.stringify({ stateDir, keep: wanted !== undefined } satisfies Record),
    )
    return { instance, hold }
  }
  throw new Error(`all ${limit} test cluster numbers of this machine are in use`)
}

/** Cleans what crashed runs left under any number. */
async function sweep(): Promise<void> {
  const numbers = Array.from({ length: limit }, (_, number) => number)
  for (const number of numbers.filter(each => existsSync(recordFile(each)))) {
    const hold = await tryHold(`cluster-${number}`)
    if (hold) await cleanLeftovers(number)
    await hold?.release()
  }
}

function layoutOf(number: number, stateDir: string): Instance {
  const net = `10.${160 + number}`
  const port = 27_000 + number * 10
  return {
    number,
    stateDir,
    bridge: `swy${number}`,
    hostAddress: `${net}.255.1`,
    ports: { api: port, etcd: port + 1, peer: port + 2, controllers: port + 3, scheduler: port + 4 },
    podCidr: `${net}.0.0/17`,
    serviceCidr: `${net}.128.0/20`,
    serviceAddress: `${net}.128.1`,
  }
}

/** Someone else's network uses the same addresses. */
function isForeign(instance: Instance): boolean {
  const prefix = instance.hostAddress.replace(/255\.1$/, '')
  return Object.values(networkInterfaces()).some(each => each?.some(one => one.address.startsWith(prefix)))
}

export const nodeAddress = (instance: Instance, index: number) =>
  instance.hostAddress.replace(/\.1$/, `.${10 + index}`)

export const nodePodCidr = (instance: Instance, index: number) =>
  instance.podCidr.replace(/0\.0\/17$/, `${index}.0/24`)

export const cgroupName = (instance: Pick<Instance, 'number'>, node: string) =>
  `swy${instance.number}-${node}`

/** Ends and removes all that the record of this number names. */
export async function cleanLeftovers(number: number): Promise<void> {
  const file = recordFile(number)
  if (!existsSync(file)) return
  const record = JSON.parse(readFileSync(file, 'utf8')) as Record
  const names = recordedNames(record.stateDir)
  await Promise.all(names.map(name => endRecorded(record.stateDir, name)))
  await removeInterfaces(`swy${number}`)
  await removeCgroups(`swy${number}-*`)
  if (!record.keep) rmSync(record.stateDir, { recursive: true, force: true })
  rmSync(file, { force: true })
}

/** The bridge and the nodes' cables, which would else stay until the kernel has buried their namespaces. */
async function removeInterfaces(bridge: string): Promise<void> {
  const names = globSync(`/sys/class/net/{${bridge},${bridge}v*}`).map(path => basename(path))
  for (const name of names) await execa('ip', ['link', 'del', name], { reject: false })
}

/** A cgroup can go only when the last process in it is reaped, which takes a moment after the kill. */
export async function removeCgroups(pattern: string): Promise<void> {
  for (let n = 0; n < 50; n++) {
    const roots = globSync(`/sys/fs/cgroup/*/${pattern}`)
    if (roots.length === 0) return
    await execa('find', [...roots, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'], { reject: false })
    if (n > 0) await new Promise(done => setTimeout(done, 100))
  }
}
