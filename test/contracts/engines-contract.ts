// The numbered promises of the engine port, for the engines in memory, the stand-in over HTTP and real ones.
import { beforeAll, describe, expect, it } from 'vitest'
import type { ContainerSight, Engine, Recipe, RecipeWish } from '../../src/domain/engine.ts'
import { Transient } from '../../src/domain/failure.ts'
import { during, type Pass } from './eventually.ts'

interface EngineWorld {
  readonly engine: Engine
  readonly pass: Pass
  /** where nobody listens */
  readonly nobody: string
}

export interface VllmWorld extends EngineWorld {
  /** folder of a model that can be loaded */
  readonly path: string
  /** starts it with the launch of the recipe; answers when it is ready */
  start(recipe: Recipe): Promise<{ readonly address: string; log(): readonly string[] }>
  /** the log of one that could not load its model */
  failingLog(): Promise<readonly string[]>
}

export interface OllamaWorld extends EngineWorld {
  /** of the running engine */
  readonly address: string
  /** manifest digests of what its store holds by these names; `broken` cannot be loaded */
  readonly stored: Readonly<Record<'alpha' | 'beta' | 'broken', string>>
  /** the next load of this model takes longer than a test waits; absent where no engine can be told so */
  readonly stall?: (model: string) => Promise<unknown>
}

const digest = `sha256:${'a'.repeat(64)}`

export const aWish = (change: Partial<RecipeWish> = {}): RecipeWish => ({
  modelName: 'alpha',
  alias: 'active',
  path: '/models/hub/models--org--alpha/snapshots/abc',
  ollamaName: 'alpha',
  revision: digest,
  runtimeArgs: [],
  modelArgs: [],
  task: 'Chat',
  ...change,
})

export const aSight = (change: Partial<ContainerSight> = {}): ContainerSight => ({
  command: [],
  args: [],
  env: {},
  port: 8000,
  ...change,
})

const commonContract = (open: () => Pick<EngineWorld, 'engine'>): void => {
  const recipe = (change: Partial<RecipeWish> = {}) => open().engine.recipe(aWish(change))

  it('6.1 the same wish is the same recipe, with the same hash for another task only', () => {
    expect(recipe()).toEqual(recipe())
    expect(recipe().hash).toMatch(/^[0-9a-f]{16}$/)
    expect(recipe({ task: 'Embedding' })).toEqual({ ...recipe(), task: 'Embedding' })
    expect(recipe({ alias: 'other' }).hash).not.toBe(recipe().hash)
  })

  it('6.3 a line that says nothing about loading is no sign', () => {
    for (const line of ['', 'GET /health 200', 'x'.repeat(10_000)])
      expect(open().engine.loadSign(line)).toBeUndefined()
  })
}

export const vllmContract = (open: () => VllmWorld): void => {
  const of = (change: Partial<RecipeWish> = {}) =>
    open().engine.recipe(aWish({ path: open().path, ...change }))
  const prove = (address: string, recipe: Recipe, mode: 'Task' | 'ListOnly' = 'Task') =>
    during(open().pass, open().engine.prove(address, recipe, { mode, timeoutMs: 5_000 }))

  describe('what is written for it', () => {
    commonContract(open)

    it('6.1 a recipe names the folder, both names, and the Runtime’s arguments before the Model’s', () => {
      const args = { runtimeArgs: ['--seed', '1'], modelArgs: ['--seed', '2'] }
      const { path, ...told } = aWish(args)
      expect(open().engine.recipe({ ...told, path: `${path}/` })).toMatchObject({
        engine: 'VLLM',
        model: path,
        identity: path,
        servedNames: ['alpha', 'active'],
        args: ['--seed', '1', '--seed', '2'],
      })
      expect(of({ modelName: 'active' }).servedNames).toEqual(['active'])
      for (const change of [
        { path: '/models/other' },
        { modelName: 'other' },
        { modelArgs: ['--seed', '1'] },
      ])
        expect(of(change).hash).not.toBe(of().hash)
    })

    it.each<[string, Partial<RecipeWish>, string]>([
      ['an owned flag of the Runtime', { runtimeArgs: ['--port', '1'] }, 'ArgumentNotAllowed'],
      ['an owned flag of the Model', { modelArgs: ['--port', '1'] }, 'ArgumentNotAllowed'],
      // The Runtime's last flag would swallow the Model's word.
      ['a word of no flag', { runtimeArgs: ['--seed'], modelArgs: ['7'] }, 'ArgumentNotAllowed'],
      ['a relative folder', { path: 'relative' }, 'UnsafePath'],
      ['a folder that climbs', { path: '/models/../etc' }, 'UnsafePath'],
      ['no folder', { path: '' }, 'UnsafePath'],
    ])('6.1 %s is Rejected', (_, change, reason) => {
      expect(() => of(change)).toThrow(expect.objectContaining({ name: 'Rejected', reason }))
    })

    it('6.2 a launch takes the place of the one before and leaves the other words', () => {
      const { engine } = open()
      const found = aSight({ command: ['vllm', 'serve'], args: ['org/old', '--max-model-len', '4096'] })
      const first = engine.launch(of(), found)
      expect(first.hash).toBe(of().hash)
      expect(first.args).toEqual(expect.arrayContaining([of().model, '--max-model-len', '4096']))
      expect(first.args).not.toContain('org/old')
      const second = of({ modelName: 'beta' })
      const over = engine.launch(second, { ...found, args: first.args ?? [] })
      expect(over).toEqual(engine.launch(second, found))
    })

    it('6.2 a shell is Rejected', () => {
      const shell = aSight({ command: ['sh', '-c'], args: ['vllm serve org/old'] })
      expect(() => open().engine.launch(of(), shell)).toThrow(
        expect.objectContaining({ name: 'Rejected', reason: 'ShellCommand' }),
      )
    })

    it('6.4 its environment does not place the model', () => {
      expect(open().engine.storePath(aSight({ env: { HF_HOME: '/x' } }))).toBeUndefined()
    })
  })

  describe('running', () => {
    let started: Awaited<ReturnType<VllmWorld['start']>>
    beforeAll(async () => {
      started = await open().start(of())
    })

    it('6.3 the log of a load has signs and no failure, the log of a failed one has a failure', async () => {
      const signs = (lines: readonly string[]) => lines.flatMap(line => open().engine.loadSign(line) ?? [])
      expect(signs(started.log()).map(({ mark }) => mark)).toContain('ProcessStarted')
      expect(signs(started.log()).filter(({ failure }) => failure)).toEqual([])
      const failure = signs(await open().failingLog()).findLast(sign => sign.failure)?.failure
      expect(failure?.message).toMatch(/./)
    })

    it('6.5 it lists its names with the folder, all loaded', async () => {
      const answer = await during(open().pass, open().engine.ask(started.address, 5_000))
      expect(answer).toMatchObject({ state: 'Answers', isAsleep: false, running: 0 })
      const listed = of().servedNames.map(name => ({ name, identity: of().model, isLoaded: true }))
      expect(answer.listed).toMatchObject(listed)
    })

    it('6.6 it is proved with a request or by its list alone', async () => {
      expect(await prove(started.address, of())).toMatchObject({ isProved: true, reason: 'Active' })
      expect(await prove(started.address, of(), 'ListOnly')).toMatchObject({
        isProved: true,
        reason: 'Active',
      })
    })

    it.each<[string, Partial<RecipeWish>]>([
      ['another folder under its names', { path: '/models/hub/other' }],
      ['its folder under other names', { modelName: 'gamma', alias: 'other' }],
    ])('6.6 it is not proved for %s, and the message says what is listed', async (_, change) => {
      const result = await prove(started.address, of(change))
      expect(result).toMatchObject({ isProved: false, reason: 'WrongModel' })
      expect(result.message).toContain('alpha')
    })

    it('6.7 6.8 6.9 it neither loads nor unloads in place, and has nothing to commit', async () => {
      const { engine } = open()
      const refused = { name: 'NotSupported', reason: 'NotSupported' }
      await expect(engine.load(started.address, of(), 10)).rejects.toMatchObject(refused)
      await expect(engine.unload(started.address, undefined, 10)).rejects.toMatchObject(refused)
      await engine.commit(started.address, of())
    })

    it('6.5 6.6 where nobody listens it is refused, as data', async () => {
      const { engine, pass, nobody } = open()
      expect(await during(pass, engine.ask(nobody, 500))).toMatchObject({ state: 'Refused', listed: [] })
      expect(await prove(nobody, of())).toMatchObject({ isProved: false, reason: 'EngineUnreachable' })
    })
  })
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

/** A real engine on a busy machine takes its time. */
const timeoutMs = 60_000

const callsOf = (open: () => OllamaWorld, go: <T>(promise: Promise<T>) => Promise<T>) => ({
  load: (recipe: Recipe) => go(open().engine.load(open().address, recipe, timeoutMs)),
  unload: (keep: Recipe | undefined) => go(open().engine.unload(open().address, keep, timeoutMs)),
  commit: (recipe: Recipe) => go(open().engine.commit(open().address, recipe)),
  prove: (recipe: Recipe, mode: 'Task' | 'ListOnly' = 'Task') =>
    go(open().engine.prove(open().address, recipe, { mode, timeoutMs })),
  listed: async () => (await go(open().engine.ask(open().address, 5_000))).listed,
})
