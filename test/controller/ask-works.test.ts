import { describe, expect, it } from 'vitest'
import { createAskWatch } from '../../src/controller/ask-watch.ts'
import { type Asked, clearAsks, hear, nextAsk } from '../../src/controller/ask-works.ts'
import type { Work, WorkView } from '../../src/domain/platform.ts'
import type { WorkerResult } from '../../src/domain/worker-task.ts'
import { HandClock } from '../../src/platform/memory/hand-clock.ts'
import { aCandidate, aPod, aRuntime, at, digest, now } from '../builders/seen.ts'

const pod = aPod()
const keyed = aRuntime({ spec: { apiKeySecretRef: { name: 'engine' } } })
const { recipe } = aCandidate()

const anAsk = (attempt: number, more: Partial<WorkView> = {}): WorkView => ({
  id: `ask-${attempt}`,
  owner: { namespace: 'ai', name: 'gpu', uid: 'uid-gpu' },
  command: 'ask',
  subject: `uid-pod/0/${recipe.hash}`,
  attempt,
  phase: 'Succeeded',
  startedAt: at(-2),
  endedAt: at(-1),
  ...more,
})
const proved: WorkerResult = {
  asked: { proof: { isProved: true, reason: 'Active', message: 'answered', milliseconds: 4 } },
}
const wrong: WorkerResult = {
  asked: { proof: { isProved: false, reason: 'WrongModel', message: 'listed: b', milliseconds: 4 } },
}
const denied: WorkerResult = {
  failure: { reason: 'EngineKeyNeeded', message: 'no Secret', retry: 'WhenAble' },
}
const listen = (works: readonly WorkView[], before?: Asked) => hear(before, works, { pod, now })
const next = (asked: Asked | undefined, works: readonly WorkView[] = [], later = 0) =>
  nextAsk({
    runtime: keyed,
    pod,
    recipe,
    works,
    asked,
    now: new Date(now.getTime() + later),
    digest,
  })

describe('what workers with a key have found', () => {
  it('is a proof of this process of the engine, and the key is taken', () => {
    const asked = listen([anAsk(1, { result: proved })])
    expect(asked).toMatchObject({ attempt: 1, isKeyTaken: true, failures: 0 })
    expect(asked.proof).toMatchObject({ isProved: true, recipe: recipe.hash, at: now.toISOString() })
    expect(asked.trouble).toBeUndefined()
  })

  it('is heard once, however often the list shows it', () => {
    const first = listen([anAsk(1, { result: denied })])
    expect(listen([anAsk(1, { result: denied })], first)).toBe(first)
  })

  it.each([
    ['another pod', { subject: `uid-other/0/${recipe.hash}` }],
    ['another run of its container', { subject: `uid-pod/1/${recipe.hash}` }],
    ['a work that goes on', { phase: 'Running' as const }],
  ])('says nothing when it is about %s', (_name, more) => {
    expect(listen([anAsk(1, { result: proved, ...more })]).proof).toBeUndefined()
  })

  it('is trouble when the key is missing or the worker ended without a word', () => {
    expect(listen([anAsk(1, { result: denied })])).toMatchObject({
      isKeyTaken: false,
      trouble: { reason: 'EngineKeyNeeded', message: 'no Secret' },
    })
    const evicted = { notStarted: { reason: 'Interrupted' as const, message: 'Evicted' } }
    expect(listen([anAsk(1, { phase: 'Failed', ...evicted })]).trouble).toEqual(evicted.notStarted)
  })

  it('counts the newest: a key that is refused by now was not taken', () => {
    const asked = listen([anAsk(2, { result: denied }), anAsk(1, { result: proved })])
    expect(asked).toMatchObject({ attempt: 2, isKeyTaken: false, trouble: { reason: 'EngineKeyNeeded' } })
    expect(listen([anAsk(3, { result: proved })], asked).trouble).toBeUndefined()
  })
})

describe('the next worker with a key', () => {
  it('asks the pod for the wanted model, and carries the name of the Secret and no key', () => {
    const order = next(undefined)
    expect(order).toMatchObject({
      command: 'ask',
      attempt: 1,
      owner: { namespace: 'ai', name: 'gpu', uid: 'uid-gpu' },
      subject: `uid-pod/0/${recipe.hash}`,
      tokenSecret: { name: 'engine', key: 'api-key' },
      task: { command: 'ask', address: pod.address, wanted: { identity: recipe.identity }, mode: 'Task' },
    })
    expect(order?.volume).toBeUndefined()
    expect(next(undefined)?.id).toBe(order?.id)
  })

  it('is not started beside another, and none for a pod without an address', () => {
    expect(next(undefined, [anAsk(1, { phase: 'Running' })])).toBeUndefined()
    const { address: _, ...nowhere } = pod
    const wish = { runtime: keyed, pod: nowhere, recipe, works: [], asked: undefined, now, digest }
    expect(nextAsk(wish)).toBeUndefined()
  })

  it.each([
    ['no key', denied, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]],
    ['another model', wrong, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]],
  ])('comes later and later when there was %s', (_name, result, waits) => {
    let asked: Asked | undefined
    for (const [i, wait] of waits.entries()) {
      asked = listen([anAsk(i + 1, { result })], asked)
      expect(next(asked, [], wait - 1)).toBeUndefined()
      expect(next(asked, [], wait)?.attempt).toBe(i + 2)
    }
  })

  it('comes at once when a person edited the Runtime', () => {
    const clock = new HandClock(now.getTime())
    const watch = createAskWatch(clock)
    const wish = { pod, recipe, works: [], digest }
    watch.hear(keyed, pod, [anAsk(1, { result: denied })])
    expect(watch.next({ ...wish, runtime: keyed })).toBeUndefined()
    const edited = { ...keyed, metadata: { ...keyed.metadata, generation: 2 } }
    watch.hear(edited, pod, [])
    expect(watch.next({ ...wish, runtime: edited })?.attempt).toBe(2)
  })

  it('with the key of another Secret is needed again, whatever the former one has opened or is opening', () => {
    const watch = createAskWatch(new HandClock(now.getTime()))
    watch.noteStart(keyed.metadata.uid, 1)
    expect(watch.hear(keyed, pod, [anAsk(1, { result: proved })]).isKeyTaken).toBe(true)
    watch.noteStart(keyed.metadata.uid, 2)
    const renamed = aRuntime({
      spec: { apiKeySecretRef: { name: 'absent' } },
      metadata: { generation: 2 },
    })
    expect(watch.hear(renamed, pod, [anAsk(2, { phase: 'Running' })]).isKeyTaken).toBeUndefined()
    expect(watch.hear(renamed, pod, [anAsk(2, { result: proved })]).isKeyTaken).toBeUndefined()
    expect(watch.hear(renamed, pod, [anAsk(3, { result: proved })]).isKeyTaken).toBe(true)
  })

  it('is not hurried when somebody takes away the one that was started', () => {
    const clock = new HandClock(now.getTime())
    const watch = createAskWatch(clock)
    const wish = { runtime: keyed, pod, recipe, works: [], digest }
    watch.hear(keyed, pod, [])
    watch.noteStart(keyed.metadata.uid, 1)
    expect(watch.hear(keyed, pod, [anAsk(1, { phase: 'Running' })]).askTrouble).toBeUndefined()
    expect(watch.hear(keyed, pod, []).askTrouble).toMatchObject({ reason: 'Interrupted' })
    expect(watch.next(wish)).toBeUndefined()
    expect(watch.hear(keyed, pod, [anAsk(1, { result: proved })]).news).toBeUndefined()
  })

  it('that was refused is trouble too', () => {
    const watch = createAskWatch(new HandClock(now.getTime()))
    watch.hear(keyed, pod, [])
    watch.noteRefusal(keyed.metadata.uid, { reason: 'PodNotStarted', message: 'quota' })
    expect(watch.hear(keyed, pod, []).askTrouble).toMatchObject({ reason: 'PodNotStarted' })
    expect(watch.next({ runtime: keyed, pod, recipe, works: [], digest })).toBeUndefined()
  })
})

describe('works that asked', () => {
  const cleared = async (works: readonly WorkView[], heard: number | undefined) => {
    const done: string[] = []
    const work = {
      forget: async (id: string) => void done.push(`forget ${id}`),
      cancel: async (id: string) => void done.push(`cancel ${id}`),
    } as unknown as Work
    await clearAsks(work, works, { namespace: 'ai', pod, heard })
    return done
  }

  it('go when they were heard, or ask about a process that is gone, and not before', async () => {
    const other = { subject: 'uid-other/0/x' }
    const works = [
      anAsk(1, { result: proved }),
      anAsk(2, { result: proved }),
      anAsk(3, { phase: 'Running' }),
      anAsk(4, { phase: 'Running', ...other }),
      anAsk(5, { result: proved, ...other }),
    ]
    expect(await cleared(works, 1)).toEqual(['forget ask-1', 'cancel ask-4', 'forget ask-5'])
    expect(await cleared(works.slice(0, 3), undefined)).toEqual(['forget ask-1', 'forget ask-2'])
  })
})
