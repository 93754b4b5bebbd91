// Ends the operator as the kernel's out-of-memory killer would: SIGKILL to its process, no word before and none after.
import { readdirSync, readFileSync } from 'node:fs'
import type { AttachedCluster } from '../cluster/attached.ts'
import { type Seen, until } from './town.ts'

const system = 'switchyard-system'

/** Kills it and waits until its successor leads. A new pod each time: kubelet lets a container that fails often wait. */
export async function killOperator(cluster: AttachedCluster): Promise<void> {
  const before = await leaderOf(cluster)
  const pods = await read(cluster, 'pods', '-l', 'app.kubernetes.io/name=switchyard')
  const processes: number[] = pods.items.flatMap((pod: Seen) => processesOf(pod.metadata.uid))
  if (processes.length === 0) throw new Error('no process of the operator was found, so none was killed')
  for (const pid of processes) process.kill(pid, 'SIGKILL')
  for (const pod of pods.items)
    await cluster.kubectl(['-n', system, 'delete', 'pod', pod.metadata.name, '--force', '--grace-period=0'])
  await until(
    async () => ({ status: { leader: await leaderOf(cluster) } }),
    seen => seen.status.leader !== '' && seen.status.leader !== before,
    60,
  )
}

const read = async (cluster: AttachedCluster, ...args: string[]): Promise<Seen> =>
  JSON.parse(await cluster.kubectl(['get', ...args, '-n', system, '-o', 'json']))

const leaderOf = async (cluster: AttachedCluster): Promise<string> =>
  (await read(cluster, 'lease', 'switchyard')).spec.holderIdentity ?? ''

/** Operators in the control groups of the pod: the pod's uid is in their path, so that no other cluster's can be meant. */
function processesOf(podUid: string): number[] {
  const names = [podUid, podUid.replaceAll('-', '_')]
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => names.some(name => readOrNothing(`/proc/${pid}/cgroup`).includes(name)))
    .filter(pid => readOrNothing(`/proc/${pid}/cmdline`).includes('operator'))
    .map(Number)
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
