// Worker processes of the memory world: they start after a second, take their time, and end with a result.
import type { WorkOrder, WorkView } from '../../domain/platform.ts'
import type { BytesTask, Layout, WorkerResult, WorkFailure } from '../../domain/worker-task.ts'
import { askEngine } from './memory-asks.ts'
import {
  type Claim,
  type Deed,
  type Source,
  type StoredCopy,
  sourceName,
  type WorkRecord,
  type World,
} from './memory-world.ts'

const startMs = 1_000
const leaveMs = 500

export const startWork = (world: World, key: string, order: WorkOrder): number => {
  const { task: _t, volume, tokenSecret: _s, runtime: _r, ...identity } = order
  const uid = `work-${world.begun.length}`
  const view: WorkView = {
    ...identity,
    phase: 'Starting',
    startedAt: world.now(),
    ...(volume ? { volume: volume.key } : {}),
  }
  world.begun.push(order)
  const version = world.works.put(key, () => ({ uid, order, view, isLeaving: false }))
  world.later(startMs, { does: 'startWorker', name: key, uid })
  return version
}

/** Ends it: it is seen until its process is gone. */
export const cancelWork = (world: World, key: string): void => {
  const known = world.works.get(key)
  if (!known || known.isLeaving) return
  world.edit(world.works, key, one => ({ ...one, isLeaving: true }))
  world.later(leaveMs, { does: 'dropWork', name: key, uid: known.uid })
}

export const dropWork = (world: World, { name, uid }: Deed): void => {
  if (world.works.get(name)?.uid === uid) world.works.drop(name)
}

const lives = (world: World, { name, uid }: Deed): WorkRecord | undefined => {
  const record = world.works.get(name)
  return record?.uid === uid && !record?.isLeaving ? record : undefined
}

const show = (world: World, key: string, change: Partial<WorkView>): void =>
  world.edit(world.works, key, (one): WorkRecord => ({ ...one, view: { ...one.view, ...change } }))

export const startWorker = (world: World, deed: Deed): void => {
  const record = lives(world, deed)
  if (record?.view.phase !== 'Starting') return
  const problem = world.script.workProblem
  if (problem) {
    show(world, deed.name, { notStarted: problem })
    world.later(5_000, deed)
    return
  }
  checkAlone(world, deed.name, record)
  const { notStarted: _, ...view } = record.view
  world.edit(world.works, deed.name, (one): WorkRecord => ({ ...one, view: { ...view, phase: 'Running' } }))
  runWorker(world, { ...deed, does: 'runWorker', step: 0 })
}

const checkAlone = (world: World, key: string, record: WorkRecord): void => {
  const others = world.works
    .list()
    .filter(one => one.view.phase === 'Running' && one.view.volume && one.view.volume === record.view.volume)
    .filter(one => `${one.order.owner.namespace}/${one.order.id}` !== key)
  if (others.length > 0) world.violations.push(`two works run on volume ${record.view.volume}`)
}

export const runWorker = (world: World, deed: Deed): void => {
  const record = lives(world, deed)
  if (record?.view.phase !== 'Running') return
  const { step = 0 } = deed
  const { downloadSteps: steps } = world.script
  const isLong = record.order.command === 'download'
  if (step === (isLong ? steps : 1)) {
    end(world, deed.name, record)
    return
  }
  if (isLong) show(world, deed.name, progressOf(world, record, step))
  const stepMs = isLong ? (world.script.downloadSeconds * 1000) / steps : 1_000
  world.later(stepMs, { ...deed, step: step + 1 })
}

const progressOf = (world: World, { order }: WorkRecord, step: number): Partial<WorkView> => {
  const { task } = order
  const name = task.command === 'ask' ? '' : sourceName(task.source)
  const bytesTotal = world.script.sources.get(name)?.bytes ?? 0
  const bytesDone = Math.floor((bytesTotal * step) / world.script.downloadSteps)
  return { progress: { phase: 'Downloading', bytesTotal, bytesDone }, progressAt: world.now() }
}

const end = (world: World, key: string, record: WorkRecord): void => {
  const result = workerResult(world, record.order)
  const isGood = result.failure === undefined
  const { command, owner, volume } = record.order
  const fetched = result.copy?.bytesFetched ?? 0
  world.done.push({ command, owner: owner.name, volume: volume?.key ?? '', isGood, fetched })
  show(world, key, { phase: isGood ? 'Succeeded' : 'Failed', endedAt: world.now(), result })
}

const workerResult = (world: World, order: WorkOrder): WorkerResult => {
  const at = world.script.workFails.findIndex(one => one.command === order.command)
  const [planned] = at < 0 ? [] : world.script.workFails.splice(at, 1)
  if (planned) return { failure: planned.failure }
  const { task } = order
  return task.command === 'ask' ? askEngine(world, order, task) : workOnBytes(world, { ...order, task })
}

type BytesOrder = WorkOrder & { readonly task: BytesTask }

const workOnBytes = (world: World, order: BytesOrder): WorkerResult => {
  if (order.command === 'remove') return remove(world, order)
  const source = world.script.sources.get(sourceName(order.task.source))
  if (!source) return fail('NotFound', 'the repository does not exist', 'Never')
  if (source.needsSecret && !world.script.secrets.has(source.needsSecret))
    return fail('TokenSecretMissing', `Secret ${source.needsSecret} does not exist`, 'WhenAble')
  if (order.command === 'resolve') return { resolution: resolve(order, source) }
  return order.command === 'verify' ? verify(world, order, source) : download(world, order, source)
}

const fail = (
  reason: WorkFailure['reason'],
  message: string,
  retry: WorkFailure['retry'],
  more: Partial<WorkFailure> = {},
): WorkerResult => ({ failure: { reason, message, retry, ...more } })

const resolve = ({ task }: BytesOrder, source: Source): NonNullable<WorkerResult['resolution']> => ({
  sourceHash: task.sourceHash,
  revision: source.revision,
  files: 3,
  bytes: source.bytes,
  format: source.format,
  listDigest: 'd'.repeat(64),
  ...(source.capabilities ? { capabilities: source.capabilities } : {}),
})

const claimOf = (world: World, order: WorkOrder): [string, Claim] | undefined => {
  const name = `${order.owner.namespace}/${order.volume?.claim}`
  const claim = world.claims.get(name)
  return claim && [name, claim]
}

const isIt = (order: BytesOrder, revision: string) => (copy: StoredCopy) =>
  copy.owner === order.owner.uid && copy.revision === revision

const revisionOf = ({ task }: BytesOrder): string => (task.command === 'resolve' ? '' : task.revision)

const download = (world: World, order: BytesOrder, source: Source): WorkerResult => {
  const found = claimOf(world, order)
  if (!found || order.task.command !== 'download') return fail('Volume', 'the claim is gone', 'Later')
  const [name, claim] = found
  const revision = revisionOf(order)
  const isThere = claim.copies.some(isIt(order, revision))
  const { budgetBytes } = order.task
  const need = isThere ? 0 : source.bytes
  if (budgetBytes !== undefined && need > budgetBytes) {
    const message = `${need} bytes are needed, ${budgetBytes} are left of the quota`
    return fail('OverBudget', message, 'WhenAble', { needBytes: need, haveBytes: budgetBytes })
  }
  const stored = {
    owner: order.owner.uid,
    revision,
    bytes: source.bytes,
    model: modelOf(order, order.task.layout),
  }
  if (!isThere)
    world.edit(world.claims, name, one => ({ ...one, copies: [...keptBeside(order, one), stored] }))
  return {
    copy: {
      ...receipt(order, order.task.layout),
      bytes: source.bytes,
      bytesFetched: need,
      bytesReused: source.bytes - need,
    },
  }
}

/** A name of Ollama's store is one manifest: another revision takes it over. */
const keptBeside = ({ task, owner }: BytesOrder, { copies }: Claim): readonly StoredCopy[] =>
  task.command === 'download' && task.layout.kind === 'OllamaStore'
    ? copies.filter(copy => copy.owner !== owner.uid)
    : copies

const verify = (world: World, order: BytesOrder, source: Source): WorkerResult => {
  const found = claimOf(world, order)
  if (order.task.command !== 'verify' || !found?.[1].copies.some(isIt(order, revisionOf(order))))
    return fail('Integrity', 'the bytes are not those of the receipt', 'Never')
  return {
    copy: {
      ...receipt(order, order.task.layout),
      bytes: source.bytes,
      bytesFetched: 0,
      bytesReused: source.bytes,
    },
  }
}

const remove = (world: World, order: BytesOrder): WorkerResult => {
  const found = claimOf(world, order)
  if (!found) return fail('Volume', 'the claim is gone', 'Later')
  const [name, claim] = found
  const going = claim.copies.filter(copy => copy.owner === order.owner.uid)
  checkUnused(world, name, going)
  world.edit(world.claims, name, one => ({
    ...one,
    copies: one.copies.filter(copy => !going.includes(copy)),
  }))
  return { removed: { bytesFreed: going.reduce((sum, copy) => sum + copy.bytes, 0) } }
}

/** Bytes under a running engine must never be taken away. */
const checkUnused = (world: World, claim: string, going: readonly StoredCopy[]): void => {
  for (const pod of world.pods.list()) {
    const deployment = world.deployments.get(pod.deployment)
    if (!deployment || `${deployment.namespace}/${deployment.claim}` !== claim) continue
    const used = pod.engine === 'VLLM' ? pod.template.args : pod.loaded
    if (going.some(copy => pod.isReady && used.includes(copy.model)))
      world.violations.push(`bytes of ${pod.name} were removed while it serves them`)
  }
}

/** Where the copy stands for the engine: a folder that ends with the commit, or the listed name. */
const modelOf = (order: BytesOrder, layout: Layout): string =>
  layout.kind === 'HubCache'
    ? `${layout.path}/models--${sourceName(order.task.source).replace('/', '--')}/snapshots/${revisionOf(order)}`
    : sourceName(order.task.source)

const receipt = (order: BytesOrder, layout: Layout) => ({
  receipt: revisionOf(order)
    .replace(/^sha256:/, '')
    .padEnd(64, '0')
    .slice(0, 64),
  ...(layout.kind === 'HubCache' ? { path: modelOf(order, layout) } : {}),
})
