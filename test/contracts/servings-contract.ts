// The numbered promises of the Servings part, for every platform: the test file hands in a world whose engines play a part.
import { describe, expect, it } from 'vitest'
import { adoptedContract } from './adopted-serving-contract.ts'
import { madeContract } from './made-serving-contract.ts'
import { looksAt, type MadeWorld, type ServingsWorld } from './servings-world.ts'

/** As much as every platform has: it can make an engine. */
export const madeServingsContract = (open: () => MadeWorld): void => {
  const { until } = looksAt(open)

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
    await until(waiting, 'is woken', () => keys.slice(before).includes(`Runtime/${namespace}/waiting`))
  })

  describe('a made one', () => madeContract(open))
}

export const servingsContract = (open: () => ServingsWorld): void => {
  const { until, write } = looksAt(open)

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

  describe('an adopted one', () => adoptedContract(open))
  madeServingsContract(open)
}
