// Hostile objects on a real API server whose CRDs let everything in, as an older one might have: the operator lives, a neighbour gets Ready.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Condition, findCondition, shortMessage } from '../../src/domain/conditions.ts'
import type { Kind } from '../../src/domain/object.ts'
import { parseObject } from '../../src/domain/stored.ts'
import { clusterOrSkip } from '../cluster/access.ts'
import { hubModel, namespaceOf, volumeOnly } from '../journeys/engines.ts'
import {
  buildTown,
  installSwitchyard,
  isReady,
  operatorLog,
  type Seen,
  type Town,
  until,
} from '../journeys/town.ts'
import { randomOf } from '../simulation/random.ts'
import { hostileContent } from './hostile-objects.ts'

const { cluster, reason, images } = clusterOrSkip('switchyard', 'engine')
const ns = 'poison'
const group = 'switchyard.dev/v1alpha1'
const crds = ['models.switchyard.dev', 'runtimes.switchyard.dev']

/** The versions of a CRD as they are, but for their schema: anything is taken and nothing is pruned. */
const widened = (version: Seen): Seen => ({
  ...version,
  selectableFields: undefined,
  schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
})

interface Poison {
  readonly kind: Kind
  readonly name: string
  readonly object: object
  readonly status: unknown
}

/** The largest annotation that a server takes. */
const largest = 'x'.repeat(250_000)

const poisons: readonly Poison[] = Array.from({ length: 40 }, (_, seed): Poison => {
  const random = randomOf(seed)
  const kind = seed % 2 === 0 ? 'Model' : 'Runtime'
  const name = kind === 'Model' ? `p${seed}` : `r-p${seed}`
  const { spec, status } = hostileContent(random, kind, name)
  const annotations = seed % 10 === 0 ? { 'switchyard.dev/retry-requested-at': largest } : {}
  return {
    kind,
    name,
    status,
    object: { apiVersion: group, kind, metadata: { name, namespace: ns, annotations }, spec },
  }
})

describe.skipIf(reason !== undefined)('Hostile objects on a real cluster', () => {
  let town: Town
  const kubectl = (args: readonly string[], input?: object) =>
    cluster().kubectl(args, input ? { input: JSON.stringify(input) } : {})
  const strict = new Map<string, Seen>()
  /** Everything but the versions stays, so that Helm still knows it as its own. */
  const replaceVersions = async (change: (name: string, versions: Seen) => Seen): Promise<void> => {
    for (const name of crds) {
      const crd = JSON.parse(await kubectl(['get', 'crd', name, '-o', 'json'])) as Seen
      const spec = { ...crd.spec, versions: change(name, crd.spec.versions) }
      await kubectl(['replace', '-f', '-'], { ...crd, spec })
      await kubectl(['wait', `crd/${name}`, '--for=condition=Established', '--timeout=30s'])
    }
  }

  /** By a file: it may be too long for an argument. */
  const poisonStatus = async ({ kind, name, status }: Poison): Promise<void> => {
    const file = join(town.folder, `${name}.json`)
    writeFileSync(file, JSON.stringify({ status }))
    const how = ['--subresource=status', '--type=merge', `--patch-file=${file}`]
    await kubectl(['patch', kind.toLowerCase(), name, '-n', ns, ...how])
  }

  beforeAll(async () => {
    town = await buildTown(cluster(), [{ name: 'alpha' }])
    await installSwitchyard(cluster(), {
      hubUrl: town.hub.url,
      registryUrl: town.registry.url,
      image: images?.switchyard ?? '',
    })
    await town.apply([namespaceOf(ns)])
    await replaceVersions((name, versions) => {
      strict.set(name, versions)
      return versions.map(widened)
    })
  })
  afterAll(async () => {
    try {
      await kubectl(['delete', 'namespace', ns, '--ignore-not-found', '--timeout=60s'])
    } finally {
      await replaceVersions((name, versions) => strict.get(name) ?? versions)
    }
    await town?.close()
  })

  it('forty of them: none ends the operator, each names its field, and a Model beside them gets Ready', async () => {
    const items = poisons.map(({ object }) => object)
    await kubectl(['create', '-f', '-'], { apiVersion: 'v1', kind: 'List', items })
    await town.apply([
      ...volumeOnly({ namespace: ns, name: 'volume', image: images?.engine ?? '' }),
      hubModel(ns, 'alpha', { runtimes: [{ name: 'volume' }] }),
    ])
    const ready = await until(() => town.get(ns, 'model', 'alpha'), isReady, 40)
    await Promise.all(poisons.filter(({ status }) => status !== undefined).map(poisonStatus))
    const list = async (): Promise<Seen> =>
      JSON.parse(await kubectl(['get', 'models,runtimes', '-n', ns, '-o', 'json']))
    await until(
      async () => ({ status: (await list()).items.flatMap(mute) }),
      seen => seen.status.length === 0,
      40,
    )
    expect((await town.get(ns, 'model', 'alpha')).status).toEqual(ready.status)
    const pods = JSON.parse(await kubectl(['get', 'pods', '-n', 'switchyard-system', '-o', 'json'])) as Seen
    expect(
      pods.items.flatMap((pod: Seen) => pod.status.containerStatuses.map((one: Seen) => one.restartCount)),
    ).toEqual([0])
    const defects = (await operatorLog(cluster()))
      .split('\n')
      .filter(line => line.includes('"level":"error"'))
    expect(defects).toEqual([])
  })
})

/** What may be said before the spec is judged: a switch that was open ends first, and a pause is a wish that can be read. */
const before = ['Paused', 'Switching', 'RollingBack']

const mute = ({ kind, metadata, spec, status }: Seen): readonly string[] => {
  const { invalid } = parseObject(kind, spec, undefined)
  const ready = findCondition(status?.conditions as Condition[] | undefined, 'Ready')
  if (invalid === undefined || before.includes(status?.phase))
    return ready ? [] : [`${metadata.name} says nothing`]
  const isNamed = ready?.reason === 'InvalidSpec' && ready.message === shortMessage(invalid)
  return isNamed ? [] : [`${metadata.name}: ${ready?.reason} ${ready?.message}, not ${invalid}`.slice(0, 400)]
}
