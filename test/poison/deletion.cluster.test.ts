// Deletion on a real cluster when something is gone already: a claim made anew under its name, an operator that was uninstalled first.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clusterOrSkip } from '../cluster/access.ts'
import { ensurePrograms } from '../cluster/programs.ts'
import { claim, hubModel, namespaceOf, podSpec, runtime, volumeOnly } from '../journeys/engines.ts'
import {
  buildTown,
  conditionOf,
  installSwitchyard,
  isReady,
  type Seen,
  type Town,
  until,
} from '../journeys/town.ts'

const { cluster, reason, images } = clusterOrSkip('switchyard', 'engine')
const image = images?.engine ?? ''

/** The commands that the page gives to people, as they stand there. */
const wayOut = (): string => {
  const page = readFileSync(new URL('../../docs/uninstalling.md', import.meta.url), 'utf8')
  return /already[\s\S]*?```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
}

describe.skipIf(reason !== undefined)('Deletion on a real cluster', () => {
  let town: Town
  const kubectl = (...args: readonly string[]) => cluster().kubectl(args)
  const install = () =>
    installSwitchyard(cluster(), {
      hubUrl: town.hub.url,
      registryUrl: town.registry.url,
      image: images?.switchyard ?? '',
    })
  const goneFrom = async (namespace: string, what: string): Promise<boolean> =>
    (await kubectl('get', what, '-n', namespace, '-o', 'name')) === ''

  beforeAll(async () => {
    town = await buildTown(cluster(), [{ name: 'alpha' }])
    await install()
  })
  afterAll(async () => {
    for (const ns of ['deletion-claim', 'deletion-escape'])
      await kubectl('delete', 'namespace', ns, '--ignore-not-found', '--timeout=60s')
    await town?.close()
  })

  it('a claim that is made anew under its name is hashed, found empty and filled before the Model is Ready again', async () => {
    const ns = 'deletion-claim'
    const alpha = () => town.get(ns, 'model', 'alpha')
    await town.apply([
      namespaceOf(ns),
      ...volumeOnly({ namespace: ns, name: 'volume', image }),
      hubModel(ns, 'alpha', { runtimes: [{ name: 'volume' }] }),
    ])
    const before = await until(alpha, isReady)
    const folder = await cluster().volumePath(ns, 'volume')
    await kubectl('delete', 'pvc', 'volume', '-n', ns, '--timeout=30s')
    await until(alpha, seen => conditionOf(seen, 'Ready')?.reason === 'ClaimNotFound')
    await town.apply([claim(ns, 'volume')])
    const after = await until(alpha, seen => isReady(seen) && uidOf(seen) !== uidOf(before))
    const anew = await cluster().volumePath(ns, 'volume')
    expect(anew).not.toBe(folder)
    const path: string = after.status.copies[0].path
    expect(existsSync(join(anew, path.replace('/models', '')))).toBe(true)
    const history = after.status.operations.map((one: Seen) => `${one.type} ${one.phase}`)
    expect(history[0]).toBe('Verify Succeeded')
  })

  it('objects whose operator was uninstalled first go by the commands of the page, and a later operator finds nothing', async () => {
    const ns = 'deletion-escape'
    const made = { namespace: ns, name: 'made', image, claim: 'volume', port: 8000 }
    const podTemplate = { spec: podSpec({ ...made, command: ['vllm', 'serve'], args: ['none'] }) }
    await town.apply([
      namespaceOf(ns),
      ...volumeOnly({ namespace: ns, name: 'volume', image }),
      runtime(ns, 'made', { engine: 'VLLM', kubernetes: { podTemplate }, storage: { claimName: 'volume' } }),
      hubModel(ns, 'alpha', { runtimes: [{ name: 'volume' }] }),
    ])
    await until(() => town.get(ns, 'model', 'alpha'), isReady)
    await cluster().helm(['uninstall', 'switchyard', '-n', 'switchyard-system', '--wait', '--timeout', '60s'])
    await kubectl('delete', 'models,runtimes', '--all', '-n', ns, '--wait=false')
    const left = (await kubectl('get', 'models,runtimes', '-n', ns, '-o', 'name')).split('\n').sort()
    expect(left).toEqual([
      'model.switchyard.dev/alpha',
      'runtime.switchyard.dev/made',
      'runtime.switchyard.dev/volume',
    ])

    const { bin } = await ensurePrograms()
    const env = {
      ...process.env,
      KUBECONFIG: cluster().kubeconfigPath,
      PATH: `${bin}:${process.env['PATH']}`,
    }
    await execa('bash', ['-euo', 'pipefail', '-c', wayOut()], { env })
    expect(await goneFrom(ns, 'models,runtimes')).toBe(true)
    await until(
      async () => ({ status: await goneFrom(ns, 'jobs,pods') }),
      seen => seen.status === true,
    )

    await install()
    await kubectl('delete', 'namespace', ns, '--timeout=60s')
  })
})

const uidOf = (seen: Seen): string => seen.status.copies?.[0]?.claimUID
