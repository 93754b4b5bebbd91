// An entry of a host's diary → one line that people read, in the shape that events of a cluster have too.
import type { DiaryEntry } from '../api/api-parts.ts'
import { showSeconds } from '../domain/crd-display.ts'
import { annotations } from '../domain/object.ts'
import type { Operation } from '../domain/operation.ts'
import type { Happening } from './client.ts'

type Said = Pick<Happening, 'type' | 'reason' | 'message'>

export const toHappening = (entry: DiaryEntry): Happening => {
  const { seq, at, kind, namespace, name, actor } = entry
  return { seq, at, kind, namespace, name, actor, ...say(entry) }
}

const say = ({ what, body, actor }: DiaryEntry): Said => {
  if (what === 'Note') return body as Said
  if (what === 'Phase') return sayPhase(body as { readonly from: string; readonly to: string })
  if (what === 'Operation') return sayOperation(body as Operation)
  return { type: 'Normal', reason: what, message: sayWish(what, body, actor) }
}

const sayPhase = ({ from, to }: { readonly from: string; readonly to: string }): Said => ({
  type: 'Normal',
  reason: 'Phase',
  message: from ? `${from} → ${to}` : to,
})

const sayOperation = (operation: Operation): Said => {
  const { type, phase, from, to, model, durationSeconds, downtimeMilliseconds, message } = operation
  const what = from && to ? `${from} → ${to}` : (to ?? model ?? '')
  const took = durationSeconds === undefined ? [] : [`took ${showSeconds(durationSeconds)}`]
  const down =
    downtimeMilliseconds === undefined
      ? []
      : [`nothing answered for ${(downtimeMilliseconds / 1000).toFixed(1)} s`]
  const text = [
    `${type} ${what}`.trim(),
    phase.toLowerCase(),
    ...took,
    ...down,
    ...(message ? [message] : []),
  ]
  return { type: phase === 'Failed' ? 'Warning' : 'Normal', reason: type, message: text.join(', ') }
}

const sayWish = (what: string, body: unknown, actor: string): string => {
  if (what === 'Deleted') return `deletion asked by ${actor}`
  if (what === 'Applied') return `spec written by ${actor}`
  const known = new Set<string>(Object.values(annotations))
  const asked = Object.keys(body as object).filter(name => known.has(name))
  const words = asked.map(name => name.replace(/^switchyard\.dev\/|-requested-at$/g, ''))
  return `${words.join(', ') || 'annotations'} asked by ${actor}`
}
