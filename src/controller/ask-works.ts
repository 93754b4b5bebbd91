// Works that ask an engine behind an API key, for a Runtime: which comes next, and what those that ended have found.
import type { Recipe } from '../domain/engine.ts'
import { hasEnded, workId } from '../domain/model-settle.ts'
import type { Runtime } from '../domain/object.ts'
import type { EngineSight } from '../domain/observation.ts'
import type { PodSight, Problem, Work, WorkIdentity, WorkOrder, WorkView } from '../domain/platform.ts'
import type { AskTask } from '../domain/worker-task.ts'

/** What the workers have found about one process of the engine; nothing is lost when it is forgotten but a question. */
export interface Asked {
  /** highest number of a work whose end was heard or that runs */
  readonly attempt: number
  readonly failures: number
  /** milliseconds; no other before */
  readonly nextAt: number
  readonly isKeyTaken: boolean
  readonly trouble?: Problem
  readonly proof?: NonNullable<EngineSight['proof']>
}

const unasked: Asked = { attempt: 0, failures: 0, nextAt: 0, isKeyTaken: false }

/** A container that was started again is another process, which may serve something else. */
export const processOf = (pod: PodSight): string => `${pod.uid}/${pod.restarts}`

const subjectOf = (pod: PodSight, recipe: Recipe | undefined): string =>
  `${processOf(pod)}/${recipe?.hash ?? 'key'}`

const isAbout = (pod: PodSight, { command, subject }: WorkIdentity): boolean =>
  command === 'ask' && subject.startsWith(`${processOf(pod)}/`)

/** What is known after these works; one that was heard before says nothing new. */
export const hear = (
  before: Asked | undefined,
  works: readonly WorkView[],
  { pod, now }: { readonly pod: PodSight; readonly now: Date },
): Asked => {
  const ended = works.filter(work => isAbout(pod, work) && hasEnded(work))
  return ended
    .sort((a, b) => a.attempt - b.attempt)
    .reduce(
      (known, work) => (work.attempt > known.attempt ? learn(known, work, now) : known),
      before ?? unasked,
    )
}

const learn = (known: Asked, work: WorkView, now: Date): Asked => {
  const { attempt } = work
  const asked = work.result?.asked
  if (!asked) return late({ ...known, ...toTrouble(known, work), attempt }, now, keyWait)
  const { trouble: _, proof: __, ...rest } = known
  const taken = { ...rest, attempt, isKeyTaken: true }
  if (!asked.proof) return { ...taken, failures: 0, nextAt: 0 }
  const proof = {
    ...asked.proof,
    recipe: work.subject.slice(work.subject.lastIndexOf('/') + 1),
    at: now.toISOString(),
  }
  return proof.isProved
    ? { ...taken, failures: 0, nextAt: 0, proof }
    : late({ ...taken, proof }, now, proofWait)
}

const toTrouble = ({ isKeyTaken }: Asked, { result, notStarted }: WorkView) => {
  const { reason = 'Interrupted', message = 'the worker ended without a result' } =
    result?.failure ?? notStarted ?? {}
  return { trouble: { reason, message }, isKeyTaken: isKeyTaken && reason !== 'EngineKeyNeeded' }
}

const keyWait = 5_000
const proofWait = 1_000
const longestWait = 60_000

const late = (asked: Asked, now: Date, first: number): Asked => ({
  ...asked,
  failures: asked.failures + 1,
  nextAt: now.getTime() + Math.min(longestWait, first * 2 ** asked.failures),
})

/** A work that was started and is not there any more, unheard: whoever takes it away may take the next one too. */
export const lost = (asked: Asked, attempt: number, now: Date): Asked => {
  const trouble = { reason: 'Interrupted' as const, message: 'the worker was taken away before it was heard' }
  return late({ ...asked, attempt, trouble }, now, keyWait)
}

export const isThere = (works: readonly WorkView[], pod: PodSight, attempt: number): boolean =>
  works.some(work => isAbout(pod, work) && work.attempt === attempt)

/** A start that was refused is trouble like any other: it says nothing against the engine. */
export const refused = (asked: Asked, trouble: Problem, now: Date): Asked =>
  late({ ...asked, trouble }, now, keyWait)

/** What hinders a worker that has not started. */
export const hindrance = (works: readonly WorkView[], pod: PodSight): Problem | undefined =>
  works.find(work => isAbout(pod, work) && !hasEnded(work) && work.notStarted)?.notStarted

export interface AskWish {
  readonly runtime: Runtime
  readonly pod: PodSight
  /** absent: only whether the key is taken */
  readonly recipe: Recipe | undefined
  readonly works: readonly WorkView[]
  readonly asked: Asked | undefined
  readonly now: Date
  readonly digest: (text: string) => string
}

/** The next work; undefined while one runs, or before its time has come. */
export const nextAsk = (wish: AskWish): WorkOrder | undefined => {
  const { runtime, pod, recipe, works, asked = unasked, now, digest } = wish
  const { apiKeySecretRef: tokenSecret } = runtime.spec
  const own = works.filter(work => isAbout(pod, work))
  if (!tokenSecret || now.getTime() < asked.nextAt || own.some(work => !hasEnded(work))) return undefined
  const { namespace, name, uid } = runtime.metadata
  const attempt = Math.max(asked.attempt, ...own.map(work => work.attempt)) + 1
  const subject = subjectOf(pod, recipe)
  const identity: WorkIdentity = { owner: { namespace, name, uid }, command: 'ask', subject, attempt }
  const task = toTask(wish)
  return task && { ...identity, id: workId(digest, identity), task, tokenSecret, runtime }
}

const toTask = ({ runtime, pod, recipe }: AskWish): AskTask | undefined => {
  if (!pod.address) return undefined
  const { mode, timeoutSeconds } = runtime.spec.proof
  return {
    command: 'ask',
    owner: runtime.metadata.uid,
    engine: runtime.spec.engine,
    address: pod.address,
    mode,
    timeoutSeconds,
    ...(recipe ? { wanted: toWanted(recipe) } : {}),
  }
}

const toWanted = ({ model, identity, servedNames, task, hash }: Recipe) => ({
  model,
  identity,
  servedNames: [...servedNames],
  task,
  hash,
})

export interface ToClear {
  readonly namespace: string
  readonly pod: PodSight | undefined
  /** highest attempt that was heard; absent: nobody listens */
  readonly heard: number | undefined
}

/** Takes away what was heard, and what asks about a process that is not there any more. */
export const clearAsks = async (
  work: Work,
  asks: readonly WorkView[],
  { namespace, pod, heard = Number.POSITIVE_INFINITY }: ToClear,
): Promise<void> => {
  for (const ask of asks) {
    const isPresent = pod !== undefined && isAbout(pod, ask)
    if (hasEnded(ask) && (!isPresent || ask.attempt <= heard)) await work.forget(ask.id, namespace)
    else if (!hasEnded(ask) && !isPresent) await work.cancel(ask.id, namespace)
  }
}
