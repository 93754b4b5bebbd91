// The numbered promises of the Volumes part, for every platform: the test file hands in a world with engines and claims.
import { expect, it } from 'vitest'
import type { Runtime } from '../../src/domain/object.ts'
import type { Volumes, VolumeView } from '../../src/domain/platform.ts'
import { type Pass, seen } from './eventually.ts'

export interface VolumesWorld {
  readonly namespace: string
  readonly pass: Pass
  readonly volumes: Volumes
  /** of this many bytes, where a claim has a size of its own */
  claim(name: string, bytes: number): Promise<unknown>
  removeClaim(name: string): Promise<unknown>
  /** somebody's Deployment that mounts the claim and runs nothing; absent where a Runtime names its claim itself */
  deploy?(name: string, engine: 'VLLM' | 'Ollama', claim: string): Promise<unknown>
  /** the Deployment of its name is adopted; with a claim it is made, and names that one */
  runtime(name: string, wish?: RuntimeWish): Promise<Runtime>
  /** how a volume on the claim is told apart; absent: by the name of the claim */
  where?(claim: string): Pick<VolumeView, 'key' | 'claim' | 'subPath'>
  /** absent: what was given to `claim` */
  sizeOf?(claim: string): number
}

export interface RuntimeWish {
  readonly engine?: 'VLLM' | 'Ollama'
  readonly madeOn?: string
  readonly quota?: string
}

const gibi = 2 ** 30

export const volumesContract = (open: () => VolumesWorld): void => {
  const until = (runtime: Runtime, what: string, holds: (view: VolumeView) => unknown) =>
    seen(open().pass, `${runtime.metadata.name}: ${what}`, () => {
      const found = open().volumes.find(runtime)
      return 'key' in found && holds(found) ? found : undefined
    })
  const problem = (runtime: Runtime, reason: string) =>
    seen(open().pass, `${runtime.metadata.name}: ${reason}`, () => {
      const found = open().volumes.find(runtime)
      return 'reason' in found && found.reason === reason ? found : undefined
    })

  /** adopted with a Deployment that mounts the claim, or naming the claim itself */
  const on = async (claim: string, name: string, wish: RuntimeWish = {}): Promise<Runtime> => {
    const { deploy, runtime } = open()
    if (!deploy) return runtime(name, { ...wish, madeOn: claim })
    await deploy(name, wish.engine ?? 'VLLM', claim)
    return runtime(name, wish)
  }
  const where = (claim: string) =>
    open().where?.(claim) ?? { key: `${open().namespace}/${claim}/`, claim, subPath: '' }

  it('3.1 what is missing is a Problem that names it, first the Deployment, then the claim', async () => {
    const { deploy, claim, runtime } = open()
    const early = await runtime('early', deploy ? {} : { madeOn: 'later' })
    if (deploy) {
      expect((await problem(early, 'DeploymentNotFound')).message).toContain('early')
      await deploy('early', 'VLLM', 'later')
    }
    expect((await problem(early, 'ClaimNotFound')).message).toContain('later')
    await claim('later', gibi)
    const view = await until(early, 'has a volume', () => true)
    expect(view).toMatchObject({ ...where('later'), runtimes: ['early'] })
  })

  it('3.1 the store of each engine stands on the claim', async () => {
    await open().claim('stores', gibi)
    const vllm = await until(await on('stores', 'store-vllm'), 'has a volume', () => true)
    const ollama = await until(
      await on('stores', 'store-ollama', { engine: 'Ollama' }),
      'has a volume',
      () => true,
    )
    expect([vllm.layout.kind, ollama.layout.kind]).toEqual(['HubCache', 'OllamaStore'])
    for (const { layout, mountPath } of [vllm, ollama]) {
      expect(layout.root).toBe(mountPath)
      expect(`${layout.path}/`.startsWith(`${mountPath}/`)).toBe(true)
    }
  })

  it('3.1 a made one has the claim that it names', async () => {
    const { claim, runtime } = open()
    const made = await runtime('made', { madeOn: 'named' })
    await problem(made, 'ClaimNotFound')
    await claim('named', gibi)
    const view = await until(made, 'has a volume', () => true)
    expect([view.key, view.runtimes]).toEqual([where('named').key, ['made']])
  })

  it('3.1 two Runtimes on one claim share a volume: its size is the quota until they say less, and the least counts', async () => {
    const { claim, sizeOf } = open()
    await claim('shared', 2 * gibi)
    const first = await on('shared', 'b-first')
    const alone = await until(first, 'has a volume', () => true)
    expect([alone.runtimes, alone.quotaBytes]).toEqual([['b-first'], sizeOf?.('shared') ?? 2 * gibi])
    const second = await on('shared', 'a-second', { quota: '1Gi' })
    const shared = await until(first, 'is shared', ({ runtimes }) => runtimes.length === 2)
    expect([shared.runtimes, shared.quotaBytes]).toEqual([['a-second', 'b-first'], gibi])
    const { key, claimUID, quotaBytes } = await until(second, 'is shared', () => true)
    expect([key, claimUID, quotaBytes]).toEqual([shared.key, shared.claimUID, gibi])
  })

  it('3.1 a claim that was made anew under its name is another one', async () => {
    const { claim, removeClaim } = open()
    await claim('anew', gibi)
    const anew = await on('anew', 'anew')
    const before = await until(anew, 'has a volume', () => true)
    await removeClaim('anew')
    await problem(anew, 'ClaimNotFound')
    await claim('anew', gibi)
    const after = await until(anew, 'has a volume again', () => true)
    expect(after.claimUID).not.toBe(before.claimUID)
    expect(after.key).toBe(before.key)
  })
}
