// How copies leave their volumes: one `remove` work each, only for bytes that were fetched, never for a model in use.
import { laneState, retryWords } from './attempts.ts'
import type { ModelAction } from './decision.ts'
import type { Copy } from './model.ts'
import { ownerOf, taskBase } from './model-copies.ts'
import { copyKey, hasEnded, type ModelFacts, subjectOf, unsettled } from './model-settle.ts'
import { isProblem } from './observation.ts'
import type { VolumeView, WorkView } from './platform.ts'
import { wordsOf } from './platform-words.ts'

export interface Removal {
  readonly isDone: boolean
  readonly message: string
  readonly actions: readonly ModelAction[]
}

/** Copies that a named Runtime asked for once, and that nobody names, serves or could switch back to now; a Runtime that goes away takes no bytes along. */
export const leavingCopies = (facts: ModelFacts): Copy[] => {
  const { namespace } = facts.seen.model.metadata
  const kept = facts.seen.runtimes.flatMap(r => (isProblem(r.volume) ? [] : [r.volume.key]))
  const unknown = facts.seen.runtimes.some(r => isProblem(r.volume))
  const named = facts.seen.model.spec.runtimes?.map(one => one.name) ?? []
  const gone = (facts.status.copies ?? []).filter(
    copy =>
      copy.isNamed &&
      !kept.includes(copyKey(namespace, copy)) &&
      !copy.runtimes.some(name => named.includes(name)),
  )
  return unknown ? [] : gone
}

/** One step towards all of these copies being gone. A volume that nobody can reach any more keeps its bytes, and that is said. */
export const removeCopies = (facts: ModelFacts, copies: readonly Copy[]): Removal => {
  const steps = copies.filter(hasBytes).map(copy => removeOne(facts, copy))
  const open = steps.filter(step => !step.isDone)
  const message = (open[0] ?? steps.find(step => step.message))?.message ?? ''
  return { isDone: open.length === 0, message, actions: steps.flatMap(step => step.actions) }
}

const hasBytes = (copy: Copy): boolean =>
  copy.origin === 'Fetched' &&
  Boolean(copy.receipt || copy.revision || copy.bytesDone || copy.failure || copy.phase === 'Downloading')

const removeOne = (facts: ModelFacts, copy: Copy): Removal => {
  const { seen, status } = facts
  const place = wordsOf(seen).placeOf(copy)
  const key = copyKey(seen.model.metadata.namespace, copy)
  const volume = findVolume(facts, key)
  const revision = copy.revision ?? status.resolved?.revision
  if (!volume)
    return {
      isDone: true,
      message: `bytes left on ${place}: no Runtime reaches it any more`,
      actions: [],
    }
  if (!revision) return { isDone: true, message: '', actions: [] }
  const message = `removing from ${place}`
  const running = seen.works.find(work => work.volume === key && !hasEnded(work))
  if (running?.notStarted) return waitForStart(facts, running, copy)
  if (running || seen.busy.has(key)) return { isDone: false, message, actions: [] }
  const note = copy.phase === 'Removing' ? copy.failure : undefined
  const state = laneState(note, seen.now)
  if (note && state === 'Over')
    return { isDone: true, message: `bytes left on ${place}: ${note.message}`, actions: [] }
  if (note && state !== 'Due')
    return { isDone: false, message: `${message}: ${note.message}${retryWords(note)}`, actions: [] }
  return { isDone: false, message, actions: [startRemove(facts, copy, volume, revision)] }
}

/** How long a node may be gone before a deleted Model goes without its bytes. */
const patienceMs = 600_000

const waitForStart = ({ seen }: ModelFacts, { notStarted, startedAt }: WorkView, copy: Copy): Removal => {
  const place = wordsOf(seen).placeOf(copy)
  const { deletionTimestamp } = seen.model.metadata
  const since = Math.max(Date.parse(startedAt), Date.parse(deletionTimestamp ?? startedAt))
  const isOver = deletionTimestamp !== undefined && seen.now.getTime() - since >= patienceMs
  const why = notStarted?.message ?? ''
  return isOver
    ? { isDone: true, message: `bytes left on ${place}: ${why}`, actions: [] }
    : { isDone: false, message: `removing from ${place}: ${why}`, actions: [] }
}

const findVolume = ({ seen }: ModelFacts, key: string): VolumeView | undefined => {
  for (const { volume } of [...seen.runtimes, ...seen.volumes.map(volume => ({ volume }))]) {
    if (!isProblem(volume) && volume.key === key) return volume
  }
  return undefined
}

const startRemove = (facts: ModelFacts, copy: Copy, volume: VolumeView, revision: string): ModelAction => ({
  do: 'startWork',
  identity: unsettled(
    facts,
    {
      owner: ownerOf(facts),
      command: 'remove',
      attempt: copy.phase === 'Removing' ? (copy.failure?.attempts ?? 0) + 1 : 1,
    },
    round => subjectOf(volume, revision, round),
  ),
  task: {
    command: 'remove',
    ...taskBase(facts),
    revision,
    layout: volume.layout,
    aliases: [...facts.seen.aliases],
  },
  volume,
})
