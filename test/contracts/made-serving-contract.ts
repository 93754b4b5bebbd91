// The numbered promises about a Deployment that is made for a Runtime, from its first launch to its end.
// A pod takes seconds on a cluster, so the promises follow each other on the same one.
import { beforeAll, expect, it } from 'vitest'
import type { Runtime } from '../../src/domain/object.ts'
import { seen } from './eventually.ts'
import { looksAt, type MadeWorld } from './servings-world.ts'

export const madeContract = (open: () => MadeWorld): void => {
  const { view, until, serves, write, twice } = looksAt(open)
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
    const { keys, namespace, launch, endpointOf } = open()
    const before = keys.length
    await twice(
      made,
      to => to.apply(made, launch('aaaa')),
      () => serves(made, 'aaaa'),
    )
    const now = await serves(made, 'aaaa')
    expect(now.endpoint).toBe(endpointOf?.('made') ?? `http://made.${namespace}.svc:8000`)
    expect([now.exists, now.replicas, now.previousRecipe]).toEqual([true, 1, 'AsFound'])
    expect(keys.slice(before)).toContain(`Runtime/${namespace}/made`)
  })

  it('4.6 a pod leaves its Service and comes back without a restart', async () => {
    const { isReached, pass } = open()
    const [pod] = (await serves(made, 'aaaa')).pods
    const put = (isInService: boolean) => write(to => to.setInService(made, pod?.name ?? '', isInService))
    if (!isReached) return expect(put(false)).rejects.toMatchObject({ name: 'NotSupported' })
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
}
