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

/** What belongs to an object that is not there any more is taken away, as the garbage collector of a cluster does. */
export const collectOrphans = (world: World): void => {
  world.works.subscribe(({ name }) => {
    const owner = world.works.get(name)?.order.owner
    const isOwned = owner && world.models.get(`${owner.namespace}/${owner.name}`)?.metadata.uid === owner.uid
    if (owner && !isOwned) world.clock.after(0, () => world.works.drop(name))
  })
}
