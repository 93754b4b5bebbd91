// The numbered promises about a Deployment of somebody else, from the first look to letting it go.
// A pod takes seconds on a cluster, so the promises follow each other on the same one.
import { beforeAll, expect, it } from 'vitest'
import type { Runtime } from '../../src/domain/object.ts'
import type { ServingView } from '../../src/domain/platform.ts'
import { seen } from './eventually.ts'
import { looksAt, type ServingsWorld } from './servings-world.ts'

export const adoptedContract = (open: () => ServingsWorld): void => {
  const { view, until, serves, write, podOf, twice } = looksAt(open)
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
    const before = await until(adopted, 'is prepared', ({ isPrepared, isSettled }) => isPrepared && isSettled)
    await twice(
      adopted,
      to => to.release(adopted),
      () => until(adopted, 'is let go', ({ isPrepared, isSettled }) => !isPrepared && isSettled),
    )
    const now = await serves(adopted)
    expect([podOf(now), now.container]).toEqual([podOf(before), before.container])
  })
}
