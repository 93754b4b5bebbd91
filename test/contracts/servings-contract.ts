// The numbered promises of the Servings part, for every platform: the test file hands in a world whose engines play a part.
// A pod takes seconds on a cluster, so the promises about one serving follow each other on the same one.
import { beforeAll, describe, expect, it } from 'vitest'
import type { Launch } from '../../src/domain/engine.ts'
import { Transient } from '../../src/domain/failure.ts'
import type { Runtime } from '../../src/domain/object.ts'
import type { Servings, ServingView } from '../../src/domain/platform.ts'
import { type Pass, seen } from './eventually.ts'

export interface RuntimeWish {
  readonly engine?: 'VLLM' | 'Ollama'
  /** ours, with a Service of its name; else the Deployment of its name is adopted */
  readonly isMade?: boolean
  readonly claim?: string
}

export interface ServingsWorld {
  readonly namespace: string
  readonly pass: Pass
  readonly servings: Servings
  /** every key that was woken so far */
  readonly keys: readonly string[]
  /** a launch whose engine becomes ready, or ends with the line `CUDA out of memory` */
  launch(hash: string, part?: 'dies'): Launch
  /** a Deployment of somebody else, with rolling updates */
  deploy(name: string, replicas?: number): Promise<unknown>
  claim(name: string): Promise<unknown>
  runtime(name: string, wish?: RuntimeWish): Promise<Runtime>
  /** what stands on the Deployment: the same when nothing was written to it */
  written(name: string): Promise<string>
  /** clients reach a pod through this Service */
  isReached(service: string): Promise<boolean>
}

/** As the loop does: a write of others makes a view stale, and the next look has the new one. */
export const patiently = (pass: Pass, write: () => Promise<void>): Promise<true> =>
  seen(pass, 'a write on a fresh view', () =>
    write().then(
      () => true as const,
      error => {
        if (error instanceof Transient) return false
        throw error
      },
    ),
  )

export const servingsContract = (open: () => ServingsWorld): void => {
  const view = (runtime: Runtime): ServingView => open().servings.observe(runtime)
  const until = (runtime: Runtime, what: string, holds: (now: ServingView) => unknown) =>
    seen(open().pass, `${runtime.metadata.name}: ${what}`, () => {
      const now = view(runtime)
      return holds(now) ? now : undefined
    })
  /** exactly one pod, ready, with that recipe; undefined = as found */
  const serves = (runtime: Runtime, recipe?: string) =>
    until(runtime, `serves ${recipe ?? 'as found'}`, now => {
      const [pod, ...others] = now.pods
      return now.recipe === recipe && pod?.isReady && pod.recipe === recipe && others.length === 0
    })
  const write = (act: (to: Servings) => Promise<void>) => patiently(open().pass, () => act(open().servings))
  const podOf = (now: ServingView) => now.pods[0]?.uid
  /** does it, and then again: that writes nothing */
  const twice = async (
    runtime: Runtime,
    act: (to: Servings) => Promise<void>,
    done: () => Promise<unknown>,
  ) => {
    await write(act)
    await done()
    const { name } = runtime.metadata
    const before = await open().written(name)
    await write(act)
    expect(await open().written(name)).toBe(before)
  }

  describe('what is missing', () => {
    it('4.1 4.10 a Deployment that is missing is a Problem, and wakes the Runtime when it comes', async () => {
      const { servings, keys, namespace, deploy, launch, runtime } = open()
      const early = await runtime('early')
      expect(servings.observe(early)).toMatchObject({
        origin: 'Adopted',
        exists: false,
        problems: [{ reason: 'DeploymentNotFound', message: expect.stringContaining('early') }],
        replicas: 0,
        isPrepared: false,
        pods: [],
      })
      const refusal = { name: 'Waiting', reason: 'DeploymentNotFound' }
      await expect(servings.apply(early, launch('aaaa'))).rejects.toMatchObject(refusal)
      await expect(servings.revert(early, 'aaaa')).rejects.toMatchObject(refusal)
      await expect(servings.scale(early, 0)).rejects.toMatchObject(refusal)
      const before = keys.length
      await deploy('early', 0)
      const now = await until(early, 'is seen', ({ exists }) => exists)
      expect([now.problems, now.replicas, now.pods]).toEqual([[], 0, []])
      expect(keys.slice(before)).toContain(`Runtime/${namespace}/early`)
    })

    it('4.7 4.8 of a Deployment that is gone there is nothing to give back and nothing to let go', async () => {
      const { servings, runtime } = open()
      const gone = await runtime('gone')
      await servings.restore(gone)
      await servings.release(gone)
    })

    it('4.1 4.10 a claim that is missing is a Problem, and wakes the Runtime when it comes', async () => {
      const { servings, keys, namespace, claim, runtime } = open()
      const waiting = await runtime('waiting', { isMade: true, claim: 'later' })
      expect(servings.observe(waiting)).toMatchObject({
        origin: 'Made',
        exists: false,
        problems: [{ reason: 'ClaimNotFound', message: expect.stringContaining('later') }],
      })
      const before = keys.length
      await claim('later')
      await until(waiting, 'has no problem', ({ problems }) => problems.length === 0)
      expect(keys.slice(before)).toContain(`Runtime/${namespace}/waiting`)
    })

    it('4.1 more than one replica is a Problem', async () => {
      await open().deploy('many', 2)
      const many = await open().runtime('many')
      const now = await until(many, 'is seen', ({ exists }) => exists)
      expect(now.problems).toMatchObject([
        { reason: 'TooManyReplicas', message: expect.stringContaining('2') },
      ])
    })

    it('4.3 a launch that changes nothing of the process writes nothing', async () => {
      const { deploy, runtime, written } = open()
      await deploy('in-place', 0)
      const inPlace = await runtime('in-place', { engine: 'Ollama' })
      await until(inPlace, 'is seen', ({ exists, isSettled }) => exists && isSettled)
      const before = await written('in-place')
      await write(to => to.apply(inPlace, { hash: 'aaaa' }))
      expect(await written('in-place')).toBe(before)
    })
  })

  describe('an adopted one', () => {
    let adopted: Runtime
    beforeAll(async () => {
      await open().deploy('adopted')
      adopted = await open().runtime('adopted')
    })

    it('4.2 is made exclusive and keeps its originals, before anything restarts', async () => {
      const found = await serves(adopted)
      expect([found.isExclusive, found.isPrepared]).toEqual([false, false])
      const isPrepared = ({ isPrepared, isExclusive, isSettled }: ServingView) =>
        isPrepared && isExclusive && isSettled
      await twice(
        adopted,
        to => to.prepare(adopted),
        () => until(adopted, 'is prepared', isPrepared),
      )
      const now = await serves(adopted)
      expect([podOf(now), now.problems, now.container]).toEqual([podOf(found), [], found.container])
    })

    it('4.3 gets the launch by one change; the one before is the way back', async () => {
      const { launch } = open()
      await twice(
        adopted,
        to => to.apply(adopted, launch('aaaa')),
        () => serves(adopted, 'aaaa'),
      )
      const first = await serves(adopted, 'aaaa')
      expect([first.previousRecipe, first.drift, first.problems]).toEqual(['AsFound', undefined, []])
      expect(first.container?.args).toEqual(launch('aaaa').args)
      await write(to => to.apply(adopted, launch('bbbb')))
      expect((await serves(adopted, 'bbbb')).previousRecipe).toBe('aaaa')
    })

    it('4.9 gives the newest lines of its log, and none of a pod that is not there', async () => {
      const [pod] = (await serves(adopted, 'bbbb')).pods
      const { servings, pass } = open()
      const read = (name: string, lines: number) => servings.logs(adopted, name, lines)
      const all = await seen(pass, 'a line', async () => {
        const lines = await read(pod?.name ?? '', 100)
        return lines.length > 0 && lines
      })
      expect(await read(pod?.name ?? '', 1)).toEqual(all.slice(-1))
      expect(await read('nobody', 100)).toEqual([])
    })

    it('4.4 goes back to the launch before, and not to one that nobody remembers', async () => {
      await expect(open().servings.revert(adopted, 'cccc')).rejects.toMatchObject({
        name: 'Rejected',
        reason: 'SwitchFailed',
      })
      await twice(
        adopted,
        to => to.revert(adopted, 'aaaa'),
        () => serves(adopted, 'aaaa'),
      )
      const now = await serves(adopted, 'aaaa')
      expect(now.container?.args).toEqual(open().launch('aaaa').args)
      expect(now).not.toHaveProperty('previousRecipe')
    })

    it('4.4 goes back to what was found', async () => {
      await twice(
        adopted,
        to => to.revert(adopted, 'AsFound'),
        () => serves(adopted),
      )
      const now = await serves(adopted)
      expect([now.isExclusive, now.isPrepared]).toEqual([true, true])
      expect(now.container?.args).not.toEqual(open().launch('aaaa').args)
    })

    it('4.5 is scaled to nothing', async () => {
      const isDown = ({ replicas, pods }: ServingView) => replicas === 0 && pods.length === 0
      await twice(
        adopted,
        to => to.scale(adopted, 0),
        () => until(adopted, 'is down', isDown),
      )
    })

    it('4.7 gets its originals back when asked: launch, strategy and replicas', async () => {
      const found = view(adopted).container
      await write(to => to.apply(adopted, open().launch('aaaa')))
      await until(adopted, 'has a launch', ({ recipe }) => recipe === 'aaaa')
      await twice(
        adopted,
        to => to.restore(adopted),
        () => serves(adopted),
      )
      expect(view(adopted)).toMatchObject({
        container: found,
        replicas: 1,
        isExclusive: false,
        isPrepared: false,
        problems: [],
      })
      expect(view(adopted)).not.toHaveProperty('previousRecipe')
    })

    it('4.8 is let go as it stands', async () => {
      await write(to => to.prepare(adopted))
      const before = await until(
        adopted,
        'is prepared',
        ({ isPrepared, isSettled }) => isPrepared && isSettled,
      )
      await twice(
        adopted,
        to => to.release(adopted),
        () => until(adopted, 'is let go', ({ isPrepared, isSettled }) => !isPrepared && isSettled),
      )
      const now = await serves(adopted)
      expect([podOf(now), now.container]).toEqual([podOf(before), before.container])
    })
  })

  describe('a made one', () => {
    let made: Runtime
    beforeAll(async () => {
      made = await open().runtime('made', { isMade: true })
    })

    it('4.2 has nothing to prepare', async () => {
      await write(to => to.prepare(made))
      expect(view(made)).toMatchObject({
        origin: 'Made',
        exists: false,
        problems: [],
        replicas: 0,
        isExclusive: true,
        isPrepared: true,
        pods: [],
      })
      expect(view(made)).not.toHaveProperty('endpoint')
    })

    it('4.3 4.10 is created with its Service', async () => {
      const { keys, namespace, launch } = open()
      const before = keys.length
      await twice(
        made,
        to => to.apply(made, launch('aaaa')),
        () => serves(made, 'aaaa'),
      )
      const now = await serves(made, 'aaaa')
      expect(now.endpoint).toBe(`http://made.${namespace}.svc:8000`)
      expect([now.exists, now.replicas, now.previousRecipe]).toEqual([true, 1, 'AsFound'])
      expect(keys.slice(before)).toContain(`Runtime/${namespace}/made`)
    })

    it('4.6 a pod leaves its Service and comes back without a restart', async () => {
      const { isReached, pass } = open()
      const [pod] = (await serves(made, 'aaaa')).pods
      const put = (isInService: boolean) => write(to => to.setInService(made, pod?.name ?? '', isInService))
      await seen(pass, 'clients reach it', () => isReached('made'))
      await put(false)
      const out = await until(made, 'is out', ({ pods }) => pods[0]?.isInService === false)
      expect(out.pods.map(({ uid, isReady, restarts }) => [uid, isReady, restarts])).toEqual([
        [pod?.uid, true, 0],
      ])
      await seen(pass, 'clients do not reach it', async () => !(await isReached('made')))
      await put(true)
      await until(made, 'is back', ({ pods }) => pods[0]?.isInService)
      await seen(pass, 'clients reach it again', () => isReached('made'))
    })

    it('4.3 is switched', async () => {
      await write(to => to.apply(made, open().launch('bbbb')))
      const now = await serves(made, 'bbbb')
      expect([now.previousRecipe, now.drift]).toEqual(['aaaa', undefined])
    })

    it('4.5 4.9 is scaled to nothing and back; an engine that ends says how, and its log is kept', async () => {
      const { servings, pass, launch } = open()
      await write(to => to.scale(made, 0))
      await until(made, 'is down', ({ replicas, pods }) => replicas === 0 && pods.length === 0)
      await write(to => to.apply(made, launch('dead', 'dies')))
      await until(made, 'has the launch', ({ recipe }) => recipe === 'dead')
      expect(view(made).replicas).toBe(0)
      await write(to => to.scale(made, 1))
      const { pods } = await until(made, 'has ended', now => now.pods[0]?.problem?.reason === 'LoadFailed')
      expect(pods[0]).toMatchObject({ recipe: 'dead', isReady: false })
      expect(pods[0]?.problem?.message).toContain('exit code 1')
      await seen(pass, 'its last line', async () =>
        (await servings.logs(made, pods[0]?.name ?? '', 10)).includes('CUDA out of memory'),
      )
    })

    it('4.4 goes back to the launch before', async () => {
      await twice(
        made,
        to => to.revert(made, 'bbbb'),
        () => serves(made, 'bbbb'),
      )
    })

    it('4.8 is deleted; when it is gone nothing of it can be changed, and that is no error', async () => {
      const { servings } = open()
      await write(to => to.release(made))
      await until(made, 'is gone', ({ exists, endpoint, pods }) => !exists && !endpoint && pods.length === 0)
      await servings.release(made)
      await servings.revert(made, 'aaaa')
      await servings.scale(made, 0)
      await servings.restore(made)
      expect(view(made).exists).toBe(false)
    })
  })
}
