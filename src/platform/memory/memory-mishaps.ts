// What befalls a work from outside: its pod evicted, its node lost, its Job expired or deleted by somebody.
import type { WorkRecord, World } from './memory-world.ts'

const hasEnded = ({ view }: WorkRecord): boolean => view.phase === 'Succeeded' || view.phase === 'Failed'

/** The pod is gone, and with it what it found, whether it had ended or not. */
export const loseResult = (world: World, key: string, message: string): void =>
  world.edit(world.works, key, (one): WorkRecord => {
    const { result: _, notStarted: __, ...view } = one.view
    const notStarted = { reason: 'Interrupted' as const, message }
    const endedAt = view.endedAt ?? world.now()
    return { ...one, view: { ...view, phase: 'Failed', endedAt, notStarted } }
  })

/** The kubelet ends a running pod to save its node; one that has ended is out of its reach. */
export const evict = (world: World, key: string): void => {
  const known = world.works.get(key)
  if (known && !hasEnded(known)) loseResult(world, key, 'Evicted: the node was low on ephemeral storage')
}

/** A TTL that somebody set, or `kubectl delete job`: the Job, its pod and its result are not there any more. */
export const expire = (world: World, key: string): void => void world.works.drop(key)

const collectMs = 500

/** What belongs to an object that is not there any more is taken away, as the garbage collector of a cluster does. */
export const collectOrphans = (world: World): void => {
  const collect = (): void => {
    const owners = [...world.models.list(), ...world.runtimes.list()]
    const uids = new Set(owners.map(owner => owner.metadata.uid))
    for (const name of world.works.names())
      if (!uids.has(world.works.get(name)?.order.owner.uid ?? '')) world.works.drop(name)
  }
  const soon = (): void => void world.clock.after(collectMs, collect)
  world.works.subscribe(({ name }) => {
    if (world.works.get(name)) soon()
  })
  for (const table of [world.models, world.runtimes])
    table.subscribe(({ name }) => {
      if (!table.get(name)) soon()
    })
  world.deployments.subscribe(({ name }) => {
    const uid = world.deployments.get(name)?.madeFor
    const isOwned = world.runtimes.list().some(runtime => runtime.metadata.uid === uid)
    if (uid && !isOwned) world.clock.after(collectMs, () => world.deployments.drop(name))
  })
}
