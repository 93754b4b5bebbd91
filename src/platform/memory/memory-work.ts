// Works in the memory world: started once by id, seen through the view, forgotten by name.
import { Waiting } from '../../domain/failure.ts'
import { type Key, toKey } from '../../domain/object.ts'
import type { Work, WorkOrder, WorkView } from '../../domain/platform.ts'
import { ownerKind } from '../../domain/worker-task.ts'
import type { MemoryProcess } from './memory-process.ts'
import { cancelWork, startWork } from './memory-workers.ts'
import type { WorkRecord, World } from './memory-world.ts'

const hasEnded = ({ view }: WorkRecord): boolean => view.phase === 'Succeeded' || view.phase === 'Failed'

const ownerKeyOf = ({ command, owner }: WorkOrder): Key => toKey(ownerKind(command), owner)

const keyOf = (order: Pick<WorkOrder, 'id' | 'owner'>): string => `${order.owner.namespace}/${order.id}`

export const createMemoryWork = (process: MemoryProcess): Work => {
  const { world, works } = process
  const all = (): readonly WorkRecord[] => works.list()
  return {
    list: owner => views(all().filter(({ order }) => order.owner.uid === owner.uid)),
    running: namespace =>
      views(
        all().filter(
          one => (namespace ?? one.order.owner.namespace) === one.order.owner.namespace && !hasEnded(one),
        ),
      ),
    start: order =>
      process.write(`start of ${order.command} for ${order.owner.name}`, () => start(process, order)),
    cancel: (id, namespace) =>
      process.write('cancel of a work', () => cancelWork(world, `${namespace}/${id}`)),
    forget: (id, namespace) => {
      const key = `${namespace}/${id}`
      const seen = works.get(key)?.uid
      return process.write('forgetting a work', () => forget(world, key, seen))
    },
    watch: wake => {
      const owners = new Map(works.names().map(name => [name, works.get(name)]))
      works.subscribe(name => {
        const record = works.get(name) ?? owners.get(name)
        if (!record) return
        owners.set(name, record)
        wake(ownerKeyOf(record.order), false)
      })
      for (const { order } of all()) wake(ownerKeyOf(order), true)
    },
  }
}

/** Only the very work that was seen to have ended: another one of that name by now is left alone. */
const forget = (world: World, key: string, seen: string | undefined): void => {
  const known = world.works.get(key)
  if (!known || (seen && seen !== known.uid)) return
  if (!hasEnded(known)) world.violations.push(`a running ${known.order.command} was forgotten`)
  world.works.drop(key)
}

const views = (records: readonly WorkRecord[]): WorkView[] => records.map(({ view }) => view)

const start = (process: MemoryProcess, order: WorkOrder): void => {
  const { world } = process
  const { namespace } = order.owner
  if (world.script.terminating.has(namespace))
    throw new Waiting('PodNotStarted', `namespace ${namespace} is being deleted`, 30_000)
  const known = world.works.get(keyOf(order))
  if (known?.isLeaving) {
    throw new Waiting('VolumeBusy', `the former worker of ${order.owner.name} is still ending`, 2_000)
  }
  if (known) return
  const version = startWork(world, keyOf(order), order)
  process.recordWrite(ownerKeyOf(order), process.works, { name: keyOf(order), version })
}
