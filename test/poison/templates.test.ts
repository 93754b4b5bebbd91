// What the cluster passes through unread: two thousand hostile Runtimes in the parts that read pod templates and write manifests.
import { expect, it } from 'vitest'
import * as z from 'zod'
import { Failure } from '../../src/domain/failure.ts'
import type { Runtime } from '../../src/domain/object.ts'
import { parseObject } from '../../src/domain/stored.ts'
import type { ClusterReads, ClusterWrites } from '../../src/platform/kubernetes/cluster-port.ts'
import { renderJob } from '../../src/platform/kubernetes/job-render.ts'
import { createKubernetesServings } from '../../src/platform/kubernetes/kubernetes-servings.ts'
import { createKubernetesVolumes } from '../../src/platform/kubernetes/kubernetes-volumes.ts'
import {
  aRuntime,
  claim,
  container,
  deployment,
  type Json,
  template,
} from '../platform/kubernetes/serving-objects.ts'
import { aDownload, settings } from '../platform/kubernetes/work-orders.ts'
import { randomOf } from '../simulation/random.ts'
import { type Field, type Path, poisoned, type Random } from './hostile-values.ts'

const probe = { httpGet: { path: '/health', port: 8000 }, periodSeconds: 5 }
const podTemplate = template(
  [
    container({
      env: [{ name: 'HF_HOME', value: '/models' }],
      resources: { limits: { 'nvidia.com/gpu': 1 } },
      securityContext: { runAsUser: 1000 },
      livenessProbe: probe,
      startupProbe: probe,
    }),
    container({ name: 'side', volumeMounts: [] }),
  ],
  {
    nodeSelector: { gpu: 'yes' },
    tolerations: [{ key: 'gpu', operator: 'Exists' }],
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{}] } },
    },
    securityContext: { fsGroup: 1000 },
    terminationGracePeriodSeconds: 30,
  },
  { note: 'text' },
)
const good = {
  engine: 'VLLM',
  activeModel: 'a',
  kubernetes: { podTemplate },
  storage: { claimName: 'models', path: '/models' },
  placement: { nodeSelector: { gpu: 'yes' }, tolerations: [{ key: 'a' }], affinity: { nodeAffinity: {} } },
  worker: { labels: { a: 'b' }, resources: { limits: { memory: '1Gi' } }, securityContext: { runAsUser: 1 } },
}

const shapes = { string: z.string(), object: z.object({}), number: z.number() } as const

/** Every value inside, however deep. */
const valuesIn = (value: unknown, path: Path): readonly Field[] => {
  const kind = typeof value as keyof typeof shapes
  const own = { path, schema: Array.isArray(value) ? z.array(z.any()) : shapes[kind] }
  if (typeof value !== 'object' || value === null) return [own]
  const inner = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return [own, ...inner.flatMap(([name, child]) => valuesIn(child, [...path, name]))]
}
const fields = valuesIn(good, []).filter(({ path }) => path.length > 1 && path[0] !== 'storage')

const hostile = (random: Random, n: number): Runtime =>
  ({
    ...aRuntime({}, { name: `poison-${n}`, uid: `poison-${n}` }),
    ...parseObject('Runtime', poisoned(random, fields, good), {}),
  }) as Runtime

const neighbour = aRuntime({ storage: { claimName: 'models' } })

const open = (poison: Runtime) => {
  const reads: ClusterReads = {
    runtimes: () => [neighbour, poison],
    deployment: (_namespace, name) => (name === 'vllm' ? deployment() : undefined),
    replicaSets: () => [],
    pods: () => [],
    pod: () => undefined,
    configMap: () => undefined,
    service: () => undefined,
    claim: () => claim(),
    autoscalers: () => [],
    nodes: () => [],
    watch: () => {},
  }
  const writes = {
    patch: async () => {},
    apply: async (_target: object, body: object) => void JSON.stringify(body),
    remove: async () => {},
    logs: async () => [],
  } as unknown as ClusterWrites
  return { servings: createKubernetesServings(reads, writes), volumes: createKubernetesVolumes(reads) }
}

/** Whatever is asked for it: done, or refused with a reason. */
const defectsOf = async (poison: Runtime): Promise<readonly string[]> => {
  const { servings, volumes } = open(poison)
  const launch = { hash: 'h', args: ['serve', '/models/a'] }
  const volume = volumes.find(poison)
  const calls: readonly (() => unknown)[] = [
    () => servings.observe(poison),
    () => servings.prepare(poison),
    () => servings.apply(poison, launch),
    () => servings.revert(poison, 'AsFound'),
    () => servings.release(poison),
    () => ('key' in volume ? renderJob(aDownload({ runtime: poison, volume }), settings) : undefined),
  ]
  const found: string[] = []
  for (const call of calls) {
    try {
      await call()
    } catch (error) {
      if (!(error instanceof Failure)) found.push(`${(error as Error).stack}`.slice(0, 400))
    }
  }
  return found
}

it('Two thousand hostile templates: each is used or refused, and the neighbour’s view stays', async () => {
  const { servings, volumes } = open(neighbour)
  const calm = { view: servings.observe(neighbour), key: (volumes.find(neighbour) as unknown as Json)['key'] }
  let refused = 0
  for (let seed = 0; seed < 2_000; seed++) {
    const poison = hostile(randomOf(seed), seed)
    if (poison.invalid !== undefined) refused++
    const beside = open(poison)
    const key = (beside.volumes.find(neighbour) as unknown as Json)['key']
    expect({ seed, defects: await defectsOf(poison) }).toEqual({ seed, defects: [] })
    expect({ seed, view: beside.servings.observe(neighbour), key }).toEqual({ seed, ...calm })
  }
  expect(refused).toBeGreaterThan(500)
  expect(refused).toBeLessThan(1_900)
})
