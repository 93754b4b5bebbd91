// What workers with an engine's key have found, per Runtime and process of its engine; lost without harm when we end.
import type { Runtime } from '../domain/object.ts'
import type { EngineSight } from '../domain/observation.ts'
import type { Clock, PodSight, Problem, WorkOrder, WorkView } from '../domain/platform.ts'
import {
  type Asked,
  type AskWish,
  hear,
  hindrance,
  isThere,
  lost,
  nextAsk,
  processOf,
  refused,
} from './ask-works.ts'

export interface Heard {
  readonly isKeyTaken?: boolean
  readonly askTrouble?: Problem
  /** only when something new was heard; `undefined` inside: what was proved before does not count any more */
  readonly news?: { readonly proof: EngineSight['proof'] }
}

export interface AskWatch {
  hear(runtime: Runtime, pod: PodSight, works: readonly WorkView[]): Heard
  /** The work that should ask next. */
  next(wish: Omit<AskWish, 'asked' | 'now'>): WorkOrder | undefined
  /** The newest work whose end was heard; absent when none is listened to. */
  heard(uid: string): number | undefined
  /** A work was started. */
  noteStart(uid: string, attempt: number): void
  /** A work could not be started. */
  noteRefusal(uid: string, trouble: Problem): void
}

interface Memory {
  readonly process: string
  readonly generation: number
  /** the Secret that was named */
  readonly secret: string
  readonly asked: Asked
  /** number of the newest work that was started here */
  readonly begun: number
}

export const createAskWatch = (clock: Clock): AskWatch => {
  const memories = new Map<string, Memory>()
  return {
    hear: ({ metadata: { uid, generation }, spec }, pod, works) => {
      const process = processOf(pod)
      const secret = JSON.stringify(spec.apiKeySecretRef ?? null)
      const known = memories.get(uid)
      const before = known?.process === process ? ofSecret(known, secret) : undefined
      const now = clock.now()
      const heard = hear(before?.asked, works, { pod, now })
      const begun = before?.begun ?? 0
      const isLost = begun > heard.attempt && !isThere(works, pod, begun)
      const asked = isLost ? lost(heard, begun, now) : heard
      // A person may just have named another Secret.
      const isEdited = before !== undefined && before.generation !== generation
      memories.set(uid, {
        process,
        generation,
        secret,
        begun,
        asked: isEdited ? { ...asked, nextAt: 0 } : asked,
      })
      return toHeard(before?.asked, asked, hindrance(works, pod))
    },
    next: wish =>
      nextAsk({ ...wish, asked: memories.get(wish.runtime.metadata.uid)?.asked, now: clock.now() }),
    heard: uid => memories.get(uid)?.asked.attempt,
    noteStart: (uid, begun) => {
      const known = memories.get(uid)
      if (known) memories.set(uid, { ...known, begun })
    },
    noteRefusal: (uid, trouble) => {
      const known = memories.get(uid)
      if (known) memories.set(uid, { ...known, asked: refused(known.asked, trouble, clock.now()) })
    },
  }
}

/** Nobody has shown the engine the key of another Secret yet, and what was begun with the former one says nothing of it. */
const ofSecret = (known: Memory, secret: string): Memory => {
  if (known.secret === secret) return known
  const attempt = Math.max(known.asked.attempt, known.begun)
  return { ...known, asked: { ...known.asked, attempt, isKeyTaken: false } }
}

const toHeard = (before: Asked | undefined, asked: Asked, hinders: Problem | undefined): Heard => {
  const { isKeyTaken, proof } = asked
  const askTrouble = asked.trouble ?? hinders
  const isDenied = asked.trouble?.reason === 'EngineKeyNeeded' && asked.trouble !== before?.trouble
  const isNew = isDenied || (proof !== undefined && proof !== before?.proof)
  return {
    ...(isKeyTaken ? { isKeyTaken } : {}),
    ...(askTrouble ? { askTrouble } : {}),
    ...(isNew ? { news: { proof: isDenied ? undefined : proof } } : {}),
  }
}
