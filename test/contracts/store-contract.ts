// The numbered promises of the Store part, for every platform: the test file hands in a world with people in it.
import { describe, expect, it } from 'vitest'
import { Transient } from '../../src/domain/failure.ts'
import type { Kind, Model, Runtime } from '../../src/domain/object.ts'
import { finalizer, keyOf } from '../../src/domain/object.ts'
import type { Store } from '../../src/domain/platform.ts'
import { type Pass, seen } from './eventually.ts'

export interface Woken {
  readonly key: string
  readonly isStartup: boolean
  /** what the store showed while it woke */
  readonly shown: Model | Runtime | undefined
}

/** A controller process that is connected to the world. */
export interface StoreProcess {
  readonly store: Store
  /** every wake so far */
  readonly wakes: readonly Woken[]
}

export interface StoreWorld extends StoreProcess {
  readonly namespace: string
  readonly pass: Pass
  /** what people do; resolves when it is stored, which the cache may show later */
  readonly people: {
    create(kind: Kind, name: string, spec: object): Promise<unknown>
    annotate(kind: Kind, name: string, annotations: Readonly<Record<string, string>>): Promise<unknown>
    /** the finalizers of others; ours must not be there */
    hold(kind: Kind, name: string, finalizers: readonly string[]): Promise<unknown>
    remove(kind: Kind, name: string): Promise<unknown>
  }
  /** the controller started anew */
  next(): Promise<StoreProcess & { close(): Promise<unknown> }>
  /** a namespace that is being deleted, and stays so while the test looks; absent where a namespace is only a name */
  terminating?(): Promise<string>
}

const specs: Readonly<Record<Kind, object>> = {
  Model: { source: { huggingFace: { repo: 'org/name' } } },
  Runtime: { engine: 'VLLM', kubernetes: { deploymentName: 'vllm' } },
}
const found = (store: Store, kind: Kind, ref: { namespace: string; name: string }) =>
  kind === 'Model' ? store.getModel(ref) : store.getRuntime(ref)
const write = (store: Store, object: Model | Runtime, status: object) =>
  object.kind === 'Model' ? store.writeModelStatus(object, status) : store.writeRuntimeStatus(object, status)

/** Records what the store shows at each wake; call it before the process is connected. */
export const recordWakes = (store: Store): Woken[] => {
  const wakes: Woken[] = []
  store.watch((key, isStartup) => {
    const [kind, namespace = '', name = ''] = key.split('/')
    wakes.push({ key, isStartup, shown: found(store, kind as Kind, { namespace, name }) })
  })
  return wakes
}

export const storeContract = (open: () => StoreWorld): void => {
  const look = (kind: Kind, name: string) => found(open().store, kind, { namespace: open().namespace, name })
  const until = <T>(what: string, ask: () => T | undefined | false) => seen(open().pass, what, ask)
  const made = async (kind: Kind, name: string, spec = specs[kind]) => {
    await open().people.create(kind, name, spec)
    return until(`${kind} ${name}`, () => look(kind, name))
  }
  /** the object once the cache shows all that this process wrote */
  const current = (kind: Kind, name: string) =>
    until(`the newest ${name}`, () => {
      const { store, namespace } = open()
      return !store.isBehind(`${kind}/${namespace}/${name}`) && look(kind, name)
    })
  const held = (kind: Kind, name: string, finalizers: readonly string[]) =>
    until(`${name} is held by ${finalizers}`, () => {
      const now = look(kind, name)
      return now?.metadata.finalizers.join() === finalizers.join() && now
    })

  it('1.1 an object is shown with its defaults; one that is not there is undefined', async () => {
    expect(await made('Model', 'parsed')).toMatchObject({
      kind: 'Model',
      metadata: { name: 'parsed', namespace: open().namespace, generation: 1, finalizers: [] },
      spec: { deletionPolicy: 'Delete', paused: false },
      status: {},
    })
    expect(await made('Runtime', 'parsed')).toMatchObject({
      kind: 'Runtime',
      spec: { desiredState: 'Active', switch: { drainSeconds: expect.any(Number) } },
    })
    expect(look('Model', 'parsed')).not.toHaveProperty('invalid')
    expect([look('Model', 'nobody'), look('Runtime', 'nobody')]).toEqual([undefined, undefined])
  })

  it('1.2 the objects of one namespace come in order of creation, then name', async () => {
    for (const name of ['z-first', 'a-second', 'b-third']) await made('Runtime', name)
    const names = (list: readonly Runtime[]) => list.map(one => one.metadata.name)
    const list = open().store.listRuntimes(open().namespace)
    const age = ({ metadata }: Runtime) => `${metadata.creationTimestamp} ${metadata.name}`
    expect(names(list)).toEqual(names([...list].sort((a, b) => (age(a) < age(b) ? -1 : 1))))
    expect(names(list)).toEqual(expect.arrayContaining(['z-first', 'a-second', 'b-third']))
    expect(open().store.listRuntimes('elsewhere')).toEqual([])
    expect(open().store.listModels('elsewhere')).toEqual([])
  })

  describe.each(['Model', 'Runtime'] as const)('of a %s', kind => {
    const statuses = {
      Model: [{ phase: 'Resolving', inUseBy: ['one'] }, { phase: 'Ready' }],
      Runtime: [{ phase: 'Waiting', serving: 'nothing' }, { phase: 'Active' }],
    }[kind] as [object, object]

    it('1.3 the whole status is replaced: what is left out is gone', async () => {
      const [first, second] = statuses
      await write(open().store, await made(kind, 'status'), first)
      const after = await current(kind, 'status')
      expect(after.status).toEqual(first)
      await write(open().store, after, second)
      const last = await current(kind, 'status')
      expect([last.status, last.metadata.generation]).toEqual([second, 1])
    })

    it('1.3 a write on a stale view, on one that is gone or on its namesake is Transient and changes nothing', async () => {
      const { store, people } = open()
      const [first, second] = statuses
      const stale = await made(kind, 'stale')
      await write(store, stale, first)
      await expect(write(store, stale, second)).rejects.toBeInstanceOf(Transient)
      const known = await current(kind, 'stale')
      expect(known.status).toEqual(first)
      await people.remove(kind, 'stale')
      await until('it is gone', () => !look(kind, 'stale'))
      await expect(write(store, known, second)).rejects.toBeInstanceOf(Transient)
      const namesake = await made(kind, 'stale')
      expect(namesake.metadata.uid).not.toBe(known.metadata.uid)
      await expect(write(store, known, second)).rejects.toBeInstanceOf(Transient)
      expect((await current(kind, 'stale')).status).toEqual({})
    })

    it('1.4 our finalizer is added and removed, the others stay, and the same again is no error', async () => {
      const { store, people } = open()
      await made(kind, 'held')
      await people.hold(kind, 'held', ['example.com/other'])
      const other = await held(kind, 'held', ['example.com/other'])
      await store.setFinalizer(other, true)
      await expect(store.setFinalizer(other, true)).rejects.toBeInstanceOf(Transient)
      const both = await held(kind, 'held', ['example.com/other', finalizer])
      expect([both.spec, both.metadata.generation]).toEqual([other.spec, 1])
      await store.setFinalizer(both, true)
      await store.setFinalizer(both, false)
      await store.setFinalizer(other, false)
      await held(kind, 'held', ['example.com/other'])
      await people.hold(kind, 'held', [])
      await people.remove(kind, 'held')
      await until('it is gone', () => !look(kind, 'held'))
      await store.setFinalizer(both, false)
    })

    it('1.4 an object that people deleted stays until our finalizer is removed', async () => {
      const { store, people } = open()
      await store.setFinalizer(await made(kind, 'kept'), true)
      await current(kind, 'kept')
      await people.remove(kind, 'kept')
      const leaving = await until('it is leaving', () => {
        const now = look(kind, 'kept')
        return now?.metadata.deletionTimestamp !== undefined && now
      })
      await store.setFinalizer(leaving, false)
      await until('it is gone', () => !look(kind, 'kept'))
    })

    it('1.5 what is added, changed and gone wakes its key after the cache shows it', async () => {
      const { people } = open()
      const key = keyOf(await made(kind, 'woken'))
      const wakes = () => open().wakes.filter(woken => woken.key === key)
      expect(wakes().some(({ shown, isStartup }) => shown !== undefined && !isStartup)).toBe(true)
      await people.annotate(kind, 'woken', { 'switchyard.dev/retry-requested-at': 'now' })
      await until('a wake that shows the annotation', () =>
        wakes().some(
          ({ shown }) => shown?.metadata.annotations['switchyard.dev/retry-requested-at'] === 'now',
        ),
      )
      await people.remove(kind, 'woken')
      await until('a wake that shows nothing', () => wakes().at(-1)?.shown === undefined)
    })

    it('1.6 a key is behind until the cache shows what this process wrote', async () => {
      const { store } = open()
      const object = await made(kind, 'behind')
      expect(store.isBehind(keyOf(object))).toBe(false)
      await write(store, object, statuses[1])
      expect((await current(kind, 'behind')).status).toEqual(statuses[1])
    })
  })

  it('1.5 a controller that starts is woken for what is there already', async () => {
    const { metadata } = await made('Model', 'before')
    const next = await open().next()
    const key = `Model/${metadata.namespace}/before`
    expect(next.wakes.filter(woken => woken.key === key)).toMatchObject([
      { isStartup: true, shown: { metadata: { uid: metadata.uid } } },
    ])
    await next.close()
  })

  it('1.7 a namespace is terminating while it is deleted, another one is not', async () => {
    const { store, namespace, terminating, pass } = open()
    const going = await terminating?.()
    if (going === undefined) return expect(store.isTerminating(namespace)).toBe(false)
    await seen(pass, 'terminating', () => store.isTerminating(going))
    expect(store.isTerminating(namespace)).toBe(false)
  })
}
