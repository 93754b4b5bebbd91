// The numbered promises of the Work part, for every platform: the test file hands in a world whose workers play a part.
import { expect, it } from 'vitest'
import { Waiting } from '../../src/domain/failure.ts'
import type { Work, WorkOrder, WorkView } from '../../src/domain/platform.ts'
import { type Pass, seen } from './eventually.ts'

/** How a worker behaves: it downloads 40 bytes and ends well, finds no repository, or downloads without an end. */
export type Part = 'works' | 'fails' | 'endless'

export interface WorkWorld {
  readonly namespace: string
  readonly pass: Pass
  readonly work: Work
  readonly owner: WorkOrder['owner']
  /** every key that was woken so far */
  readonly keys: readonly string[]
  /** of a new work */
  order(part: Part): WorkOrder
  /** a process of this work runs */
  isAlive(id: string): boolean
  /** the controller started anew */
  next(): Promise<{ readonly work: Work; close(): Promise<unknown> }>
  /** a work that cannot start before `heal`: its claim `later` does not exist */
  hindered(): Promise<{ readonly order: WorkOrder; heal(): Promise<unknown> }>
  /** a namespace that is being deleted, and stays so while the test looks; absent where a namespace is only a name */
  terminating?(): Promise<string>
}

export const hasEnded = ({ phase }: WorkView): boolean => phase === 'Succeeded' || phase === 'Failed'

export const workContract = (open: () => WorkWorld): void => {
  const until = <T>(what: string, ask: () => T | undefined | false) => seen(open().pass, what, ask)
  const view = (id: string, of: Work = open().work) => of.list(open().owner).find(work => work.id === id)
  const untilIt = (id: string, is: (work: WorkView) => boolean) =>
    until(`work ${id}`, () => {
      const work = view(id)
      return work && is(work) && work
    })
  const started = async (part: Part): Promise<WorkOrder> => {
    const order = open().order(part)
    await open().work.start(order)
    return order
  }

  it('2.1 2.6 a work is listed from its start to its end, with its progress and its result, and wakes its Model', async () => {
    const { work, owner, keys } = open()
    const woken = () => keys.filter(key => key === `Model/${owner.namespace}/${owner.name}`).length
    const before = woken()
    const one = await started('works')
    const running = await untilIt(one.id, ({ phase, progress }) => phase === 'Running' && !!progress)
    expect(running).toMatchObject({ progress: { phase: 'Downloading', bytesTotal: 40 } })
    expect(running.progressAt).toMatch(/^20/)
    const meanwhile = woken()
    expect(meanwhile).toBeGreaterThan(before)
    const ended = await untilIt(one.id, hasEnded)
    const { command, subject, attempt } = one
    expect(ended).toMatchObject({ phase: 'Succeeded', command, subject, attempt, owner })
    expect(ended.result?.copy).toMatchObject({ bytes: 40, bytesFetched: 40 })
    expect(ended.startedAt <= (ended.endedAt ?? '')).toBe(true)
    expect(woken()).toBeGreaterThan(meanwhile)
    expect(work.list({ ...owner, uid: 'another' })).toEqual([])
  })

  it('2.1 2.2 a work that found a reason Failed with it, and does not run any more', async () => {
    const { work, namespace } = open()
    const over = await started('fails')
    await untilIt(over.id, ({ phase }) => phase === 'Running')
    const one = await started('endless')
    const ended = await untilIt(over.id, hasEnded)
    expect(ended.phase).toBe('Failed')
    expect(ended.result?.failure).toMatchObject({ reason: 'NotFound', retry: 'Never' })
    expect(work.running(namespace).map(({ id }) => id)).toEqual([one.id])
    expect(work.running().map(({ id }) => id)).toEqual([one.id])
    expect(work.running('elsewhere')).toEqual([])
    await work.cancel(one.id, namespace)
    await until('nothing runs', () => work.running(namespace).length === 0)
  })

  it('2.3 the same id again starts nothing: at once, by the next controller, and after the end', async () => {
    const { work, owner, next } = open()
    const one = await started('works')
    await work.start(one)
    const other = await next()
    await other.work.start(one)
    const ended = await untilIt(one.id, hasEnded)
    await until('the next one sees its end', () => view(one.id, other.work)?.endedAt === ended.endedAt)
    await other.work.start(one)
    await other.close()
    await work.start(one)
    const { phase, startedAt, endedAt } = ended
    expect(phase).toBe('Succeeded')
    expect(work.list(owner).filter(({ id }) => id === one.id)).toMatchObject([{ phase, startedAt, endedAt }])
  })

  it('2.3 in a namespace that is being deleted a start is Waiting', async () => {
    const { work, owner, order, terminating } = open()
    const namespace = await terminating?.()
    if (namespace === undefined) return
    const there = { ...owner, namespace }
    await expect(work.start({ ...order('works'), owner: there })).rejects.toBeInstanceOf(Waiting)
  })

  it('2.4 a cancelled work is seen until its process has ended; the same id waits that long; again is no error', async () => {
    const { work, namespace, isAlive } = open()
    const one = await started('endless')
    await untilIt(one.id, ({ phase }) => phase === 'Running')
    expect(isAlive(one.id)).toBe(true)
    await work.cancel(one.id, namespace)
    expect(view(one.id)).toMatchObject({ phase: 'Running' })
    await expect(work.start(one)).rejects.toBeInstanceOf(Waiting)
    await work.cancel(one.id, namespace)
    await until('it is forgotten', () => !view(one.id))
    await until('its process is gone', () => !isAlive(one.id))
    await work.cancel(one.id, namespace)
  })

  it('2.5 an ended work is forgotten, and again is no error', async () => {
    const { work, namespace, owner } = open()
    const before = work.list(owner).find(hasEnded)
    const one = before ?? (await untilIt((await started('works')).id, hasEnded))
    await work.forget(one.id, namespace)
    await until('it is forgotten', () => !view(one.id))
    await work.forget(one.id, namespace)
  })

  it('2.6 a work that cannot start says why, wakes its Model, and runs once it can', async () => {
    const { work, owner, keys, hindered } = open()
    const { order, heal } = await hindered()
    let before = keys.length
    await work.start(order)
    const stuck = await untilIt(order.id, ({ notStarted }) => {
      if (notStarted === undefined) before = keys.length
      return notStarted !== undefined
    })
    expect(stuck).toMatchObject({ phase: 'Starting', notStarted: { reason: 'ClaimNotFound' } })
    expect(stuck.notStarted?.message).toContain('later')
    expect(keys.slice(before)).toContain(`Model/${owner.namespace}/${owner.name}`)
    await heal()
    const ended = await untilIt(order.id, hasEnded)
    expect([ended.phase, ended.notStarted]).toEqual(['Succeeded', undefined])
  })
}
