// The numbered promises of the engine port for Ollama: in memory, the stand-in over HTTP and a real one.
import { describe, expect, it } from 'vitest'
import type { Listed, Recipe, RecipeWish } from '../../src/domain/engine.ts'
import { Transient } from '../../src/domain/failure.ts'
import { aSight, aWish, commonContract, digest, type EngineWorld } from './engine-contract.ts'
import { during } from './eventually.ts'

export interface OllamaWorld extends EngineWorld {
  /** of the running engine */
  readonly address: string
  /** manifest digests of what its store holds by these names; `broken` cannot be loaded */
  readonly stored: Readonly<Record<'alpha' | 'beta' | 'broken', string>>
  /** the next load of this model takes longer than a test waits; absent where no engine can be told so */
  readonly stall?: (model: string) => Promise<unknown>
}

export const ollamaContract = (open: () => OllamaWorld): void => {
  const recipeOf = (name: string, revision: string, change: Partial<RecipeWish> = {}) =>
    open().engine.recipe(aWish({ modelName: name, ollamaName: name, revision, ...change }))
  const of = (name: keyof OllamaWorld['stored'], change: Partial<RecipeWish> = {}) =>
    recipeOf(name, open().stored[name], change)
  const go = <T>(promise: Promise<T>) => during(open().pass, promise)
  const { load, unload, commit, prove, listed } = callsOf(open, go)

  describe('what is written for it', () => {
    commonContract(open)

    it.each([
      ['llama3.2:3b', 'llama3.2:3b'],
      ['tiny', 'tiny:latest'],
      ['library/tiny:latest', 'tiny:latest'],
      ['registry.ollama.ai/library/tiny:1', 'tiny:1'],
      ['someone/tiny', 'someone/tiny:latest'],
      ['127.0.0.1:5000/library/tiny', '127.0.0.1:5000/library/tiny:latest'],
      ['hub.example/someone/tiny:q4', 'hub.example/someone/tiny:q4'],
    ])('6.1 a recipe of %s names the model as Ollama lists it: %s', (ollamaName, model) => {
      const told = { model, identity: digest, servedNames: [model, 'active'], args: [] }
      expect(recipeOf('x', digest, { ollamaName })).toMatchObject({ engine: 'Ollama', ...told })
      expect(recipeOf('x', 'A'.repeat(64), { ollamaName })).toMatchObject(told)
    })

    it.each<[string, Partial<RecipeWish>, string]>([
      ['an argument', { modelArgs: ['--x'] }, 'ArgumentNotAllowed'],
      ['a name that climbs', { ollamaName: '../x' }, 'InvalidName'],
      ['a revision that is no digest', { revision: 'main' }, 'InvalidName'],
    ])('6.1 %s is Rejected', (_, change, reason) => {
      expect(() => recipeOf('x', digest, change)).toThrow(
        expect.objectContaining({ name: 'Rejected', reason }),
      )
    })

    it('6.2 a launch is nothing but the hash', () => {
      const recipe = recipeOf('x', digest)
      expect(open().engine.launch(recipe, aSight())).toEqual({ hash: recipe.hash })
    })

    it('6.3 its log tells the end of a load, good or bad', () => {
      const sign = (line: string) => open().engine.loadSign(line)
      expect(sign('level=INFO msg="llama runner started in 1.25 seconds"')).toEqual({ mark: 'Ready' })
      expect(sign('ggml: cudaMalloc failed: out of memory')?.failure?.message).toContain('out of memory')
    })

    it.each([
      [{}, undefined],
      [{ OLLAMA_MODELS: '/models/ollama/' }, '/models/ollama'],
      [{ OLLAMA_MODELS: ' "/models" ' }, '/models'],
      [{ OLLAMA_MODELS: 'relative' }, undefined],
    ])('6.4 its store with %j is %s', (env, path) => {
      expect(open().engine.storePath(aSight({ env: env as Record<string, string> }))).toBe(path)
    })
  })

  it('6.5 6.6 what is stored is listed with its digest, not loaded, and not proved', async () => {
    const alpha = of('alpha')
    expect(await listed()).toContainEqual({ name: alpha.model, identity: alpha.identity, isLoaded: false })
    const result = await prove(alpha)
    expect(result).toMatchObject({ isProved: false, reason: 'ModelEvicted' })
    expect(result.message).toContain('nothing')
  })

  it('6.7 6.6 what is loaded is listed as loaded and proved, and loaded again it stays so', async () => {
    const alpha = of('alpha')
    await load(alpha)
    await load(alpha)
    const standing = { name: alpha.model, identity: alpha.identity, isLoaded: true }
    expect(await listed()).toContainEqual(expect.objectContaining(standing))
    expect(await prove(alpha)).toMatchObject({ isProved: true, reason: 'Active' })
    expect(await prove(alpha, 'ListOnly')).toMatchObject({ isProved: true, reason: 'Active' })
    const proveBy = (told: Listed[]) =>
      go(open().engine.prove(open().address, alpha, { mode: 'Task', timeoutMs, listed: told }))
    expect(await proveBy(await listed())).toMatchObject({ isProved: true, reason: 'Active' })
    expect(await proveBy([])).toMatchObject({ isProved: false, reason: 'ModelEvicted' })
    const unproved = (reason: string) => ({ isProved: false, reason })
    expect(await prove(of('beta'))).toMatchObject(unproved('ModelEvicted'))
    expect(await prove({ ...alpha, identity: digest })).toMatchObject(unproved('WrongModel'))
    expect(await prove({ ...alpha, task: 'Rerank' })).toMatchObject(unproved('TaskNotServed'))
  })

  it('6.8 everything but the one to keep is unloaded, and everything when none is to be kept', async () => {
    const [alpha, beta] = [of('alpha'), of('beta')]
    const loaded = async () => (await listed()).filter(one => one.isLoaded).map(one => one.identity)
    await load(alpha)
    await unload(beta)
    expect(await loaded()).toEqual([])
    await load(beta)
    await unload(beta)
    expect(await loaded()).toEqual([beta.identity])
    await unload(undefined)
    expect(await loaded()).toEqual([])
    await unload(undefined)
  })

  it('6.8 what clients ask for all the time is not waited for', async context => {
    const { address } = open()
    if (!address.startsWith('http')) {
      console.log('skipped: an engine in memory has no clients beside us')
      context.skip()
    }
    const alpha = of('alpha')
    await load(alpha)
    const client = askAllTheTime(address, alpha.model)
    try {
      await unload(of('beta'))
    } finally {
      await client.stop()
    }
    await unload(undefined)
    expect((await listed()).filter(one => one.isLoaded)).toEqual([])
  })

  it('6.7 what cannot be loaded is Transient LoadFailed with the engine’s sentence', async () => {
    const failed = { name: 'Transient', reason: 'LoadFailed' }
    await expect(load(of('broken'))).rejects.toMatchObject({
      ...failed,
      message: expect.stringMatching(/.{10}/),
    })
    const unknown = { ...failed, message: expect.stringContaining('not found') }
    await expect(load(recipeOf('nope', digest))).rejects.toMatchObject(unknown)
    expect((await listed()).filter(one => one.isLoaded)).toEqual([])
  })

  it('6.7 a load that does not end in time is Transient LoadStalled', async context => {
    const { stall, engine, address } = open()
    if (!stall) {
      console.log('skipped: a real engine cannot be told to load for ever')
      context.skip()
    }
    await stall?.('beta')
    await expect(go(engine.load(address, of('beta'), 400))).rejects.toMatchObject({
      name: 'Transient',
      reason: 'LoadStalled',
    })
  })

  it('6.9 the alias is the model that was committed last', async () => {
    const aliased = async () => (await listed()).find(one => one.name === 'active:latest')?.identity
    for (const name of ['alpha', 'beta', 'beta'] as const) {
      await commit(of(name))
      expect(await aliased()).toBe(open().stored[name])
    }
  })

  it('6.5 to 6.9 where nobody listens it is refused as data, and Transient when told to do something', async () => {
    const { engine, nobody } = open()
    const alpha = of('alpha')
    expect(await go(engine.ask(nobody, 500))).toMatchObject({ state: 'Refused', listed: [] })
    expect(await go(engine.prove(nobody, alpha, { mode: 'Task', timeoutMs: 500 }))).toMatchObject({
      isProved: false,
      reason: 'EngineUnreachable',
    })
    for (const call of [
      () => engine.load(nobody, alpha, 500),
      () => engine.unload(nobody, undefined, 500),
      () => engine.commit(nobody, alpha),
    ])
      await expect(go(call())).rejects.toMatchObject({
        name: Transient.name,
        reason: 'EngineUnreachable',
      })
  })
}

const askAllTheTime = (address: string, model: string) => {
  let isOver = false
  const ask = async (): Promise<void> => {
    const request = { model, prompt: 'Hi', stream: false, options: { num_predict: 1 } }
    while (!isOver) {
      const answer = await fetch(`${address}/api/generate`, {
        method: 'POST',
        body: JSON.stringify(request),
      })
      await answer.text()
    }
  }
  const asking = [ask(), ask()]
  return {
    stop: async (): Promise<void> => {
      isOver = true
      await Promise.all(asking)
    },
  }
}

/** A real engine on a busy machine takes its time. */
const timeoutMs = 60_000

const callsOf = (open: () => OllamaWorld, go: <T>(promise: Promise<T>) => Promise<T>) => ({
  load: (recipe: Recipe) => go(open().engine.load(open().address, recipe, timeoutMs)),
  unload: (keep: Recipe | undefined) => go(open().engine.unload(open().address, keep, timeoutMs)),
  commit: (recipe: Recipe) => go(open().engine.commit(open().address, recipe)),
  prove: (recipe: Recipe, mode: 'Task' | 'ListOnly' = 'Task') =>
    go(open().engine.prove(open().address, recipe, { mode, timeoutMs })),
  listed: async (): Promise<Listed[]> => [...(await go(open().engine.ask(open().address, 5_000))).listed],
})
