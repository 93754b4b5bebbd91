// Silence on a real API server: quiet that is well, and quiet behind which nobody is any more.
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from '../../../../src/platform/kubernetes/kernel/client.ts'
import { NoAnswer } from '../../../../src/platform/kubernetes/kernel/no-answer.ts'
import { CONFIG_MAP } from '../../../../src/platform/kubernetes/kernel/resources.ts'
import { type Data, findKubeconfig, openScene, openTransport, put, type Scene } from './fault-scene.ts'
import { versionOf } from './told.ts'

const kubeconfig = findKubeconfig()
const stamp = Date.now().toString(36)
const longestSilenceMs = 45_000

const until = async (isSo: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> => {
  for (const endsAt = performance.now() + withinMs; !(await isSo()); await sleep(50))
    if (performance.now() > endsAt) throw new Error(`it did not come about: ${isSo}`)
}
const isAtRest = async ({ direct, namespace, reflector }: Scene): Promise<boolean> => {
  const server = (await direct.listAll<Data>(CONFIG_MAP, { namespace })).map(versionOf).sort()
  return reflector.list().map(versionOf).sort().join() === server.join()
}
const isFollowing = ({ proxy }: Scene) => proxy.passages.some(({ query }) => query.has('resourceVersion'))

const whyNoDrop = (): string | undefined => {
  if (process.getuid?.() !== 0) return 'packets can be dropped by root only'
  return spawnSync('iptables', ['-S', 'INPUT']).status === 0 ? undefined : 'there is no usable iptables'
}
const noDrop = kubeconfig === undefined ? undefined : whyNoDrop()
if (noDrop) console.warn(`skipped, vanishing packets: ${noDrop}`)

/** The test's wait is as long as the silence, so all of them wait at once. */
const begin = (play: () => Promise<void>): Promise<void> => {
  const playing = play()
  playing.catch(() => undefined)
  return playing
}

describe.skipIf(kubeconfig === undefined)('Silence on a real API server', () => {
  const scenes: Scene[] = []
  const plays: Record<string, Promise<void>> = {}

  const open = async (name: string, options: Parameters<typeof openScene>[2] = {}): Promise<Scene> => {
    const scene = await openScene(kubeconfig ?? '', `${name}-${stamp}`, options)
    scenes.push(scene)
    return scene
  }
  const openFollowing = async (...at: Parameters<typeof open>): Promise<Scene> => {
    const scene = await open(...at)
    scene.reflector.start()
    await scene.reflector.synced()
    await until(() => isFollowing(scene))
    // The answer's first byte may still be on its way.
    await put(scene.direct, scene.namespace, 'seen')
    await until(() => isAtRest(scene))
    return scene
  }

  const freeze = async (): Promise<void> => {
    const scene = await openFollowing('half-open')
    scene.proxy.freezeWatches()
    const frozenAt = performance.now()
    await put(scene.direct, scene.namespace, 'seed-0')
    await put(scene.direct, scene.namespace, 'missed')
    await scene.direct.delete(CONFIG_MAP, { namespace: scene.namespace, name: 'seed-1' })
    await until(() => isAtRest(scene))
    console.log(`a frozen watch was left after ${Math.round(performance.now() - frozenAt)} ms`)
    expect(performance.now() - frozenAt).toBeLessThan(longestSilenceMs)
    expect(scene.told.contradictions).toEqual([])
    expect([scene.fills(), scene.restarts]).toEqual([1, ['Timeout']])
  }

  /** The packets themselves vanish, both ways: only the kernel of this machine can notice it. */
  const drop = async (): Promise<void> => {
    const scene = await open('packets')
    const through = openTransport(scene.proxy.kubeconfig)
    const of = { namespace: scene.namespace }
    const watch = new Client(through).watch<Data>(CONFIG_MAP, of, { sendInitialEvents: true })
    await watch.next()
    const undo = await dropPackets(scene.proxy.port)
    const droppedAt = performance.now()
    try {
      const drain = async () => {
        for await (const _event of watch);
      }
      await expect(drain()).rejects.toBeInstanceOf(NoAnswer)
      console.log(`vanished packets were noticed after ${Math.round(performance.now() - droppedAt)} ms`)
      expect(performance.now() - droppedAt).toBeLessThan(longestSilenceMs)
    } finally {
      await undo()
      await through.close()
    }
  }

  /** Nothing happens here, but elsewhere: bookmarks alone carry the version on. */
  const stayQuiet = async (): Promise<void> => {
    const options = { watchSeconds: 3, idleMs: 8_000 }
    const scene = await openFollowing('quiet', { options })
    const before = BigInt(scene.reflector.resourceVersion ?? '')
    const elsewhere = await open('elsewhere')
    for (let n = 0; n < 10; n++) {
      await put(elsewhere.direct, elsewhere.namespace, `other-${n}`)
      await sleep(1_000)
    }
    await until(() => BigInt(scene.reflector.resourceVersion ?? '') > before + 5n)
    await put(scene.direct, scene.namespace, 'at-last')
    await until(() => isAtRest(scene))
    expect([scene.fills(), scene.restarts]).toEqual([1, []])
  }

  beforeAll(() => {
    plays['freeze'] = begin(freeze)
    if (!noDrop) plays['drop'] = begin(drop)
    plays['quiet'] = begin(stayQuiet)
  })
  afterAll(async () => {
    await Promise.allSettled(Object.values(plays))
    await Promise.all(scenes.map(scene => scene.close()))
  })

  it('a watch that is frozen on the way is left within 45 s, and nothing is missed', () => plays['freeze'])

  it.skipIf(noDrop)(
    'a stream whose packets vanish ends within 45 s, though nobody waits for a byte',
    () => plays['drop'],
  )

  it('a watch on which only bookmarks come goes on from them, and reads nothing afresh', () => plays['quiet'])
})

/** Returns what takes the rules away. */
const dropPackets = async (port: number): Promise<() => Promise<void>> => {
  const rules = ['--dport', '--sport'].map(end => [
    'INPUT',
    '-i',
    'lo',
    '-p',
    'tcp',
    end,
    String(port),
    '-j',
    'DROP',
  ])
  for (const rule of rules) await execa('iptables', ['-I', ...rule])
  return async () => {
    for (const rule of rules) await execa('iptables', ['-D', ...rule])
  }
}
