// The numbered promises of the engine port for vLLM: in memory, and the stand-in over HTTP.
import { beforeAll, describe, expect, it } from 'vitest'
import type { Recipe, RecipeWish } from '../../src/domain/engine.ts'
import { aSight, aWish, commonContract, type EngineWorld } from './engine-contract.ts'
import { during } from './eventually.ts'

export interface VllmWorld extends EngineWorld {
  /** folder of a model that can be loaded */
  readonly path: string
  /** starts it with the launch of the recipe; answers when it is ready */
  start(recipe: Recipe): Promise<{ readonly address: string; log(): readonly string[] }>
  /** the log of one that could not load its model */
  failingLog(): Promise<readonly string[]>
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

    it('6.6 what it has just listed is judged in the place of its list', async () => {
      const { engine, pass } = open()
      const { listed } = await during(pass, engine.ask(started.address, 5_000))
      const proveBy = (told: typeof listed) =>
        during(pass, engine.prove(started.address, of(), { mode: 'Task', timeoutMs: 5_000, listed: told }))
      expect(await proveBy(listed)).toMatchObject({ isProved: true, reason: 'Active' })
      expect(await proveBy([])).toMatchObject({ isProved: false, reason: 'WrongModel' })
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
