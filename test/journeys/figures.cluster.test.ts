// Figures of the product from the API server's own audit log: what a Model and a switch cost in writes, and which rights are used.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clusterOrSkip } from '../cluster/access.ts'
import type { AuditEvent } from '../cluster/attached.ts'
import {
  claim,
  deployment,
  hubModel,
  namespaceOf,
  ollamaModel,
  podSpec,
  runtime,
  service,
  volumeOnly,
} from './engines.ts'
import { buildTown, installSwitchyard, isReady, type Seen, type Town, until } from './town.ts'

const { cluster, reason, images } = clusterOrSkip('switchyard', 'engine')
const image = images?.engine ?? ''
const operator = 'system:serviceaccount:switchyard-system:switchyard'
const ns = 'figures'

const resourceOf = ({ objectRef }: AuditEvent): string =>
  [objectRef?.resource ?? '', objectRef?.subresource ?? ''].filter(Boolean).join('/')
const isWrite = ({ verb }: AuditEvent): boolean => !['get', 'list', 'watch'].includes(verb)
const ours = (): AuditEvent[] =>
  cluster()
    .auditEvents()
    .filter(event => event.user.username === operator)

/** Writes of the operator in the namespace since then, by verb, resource and name; what the server refused changed nothing. */
const writesSince = (since: number): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const event of ours()) {
    if (!isWrite(event) || event.objectRef?.namespace !== ns) continue
    if (Date.parse(event.requestReceivedTimestamp) < since) continue
    if ((event.responseStatus?.code ?? 0) >= 300) continue
    const isNamed = !['jobs', 'events', 'pods'].includes(resourceOf(event))
    const key = `${event.verb} ${resourceOf(event)}${isNamed ? ` ${event.objectRef.name}` : ''}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

/** Every write that may be made, by its name, and how often. What is not here fails the test until it is put here. */
type Bill = Readonly<Record<string, number>>
/** Not counted: the diary, and what a Runtime says of the bytes on its volume. */
const isApart = (key: string): boolean => / events$/.test(key) || key === 'patch runtimes/status volume'

const print = (title: string, counts: Map<string, number>): void =>
  console.log(
    [title, ...[...counts].sort().map(([key, n]) => `  ${String(n).padStart(3)}  ${key}`)].join('\n'),
  )

/** Words and figures may be written every five seconds while it lasts; they are progress and come on top. */
const expectWithin = (title: string, since: number, { bill, most }: { bill: Bill; most: number }): void => {
  const progress = Math.floor((Date.now() - since) / 5_000)
  const counts = writesSince(since)
  print(title, counts)
  const counted = [...counts].filter(([key]) => !isApart(key))
  const isStatus = (key: string): boolean => key.includes('/status')
  const over = counted.filter(
    ([key, n]) => n > (bill[key] ?? 0) + (isStatus(key) && bill[key] ? progress : 0),
  )
  expect(over, 'writes that the bill does not name, or names less often').toEqual([])
  expect(counted.reduce((sum, [, n]) => sum + n, 0)).toBeLessThanOrEqual(most + progress)
}

/** Each right that no line of the audit log shows, and why it is granted all the same. */
const fallback = 'asked only of an API server that does not stream its lists through a watch'
const unusedRights: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'switchyard.dev/models',
      'switchyard.dev/runtimes',
      'batch/jobs',
      'pods',
      'apps/deployments',
      'apps/replicasets',
      'configmaps',
      'services',
      'autoscaling/horizontalpodautoscalers',
      'persistentvolumeclaims',
      'persistentvolumes',
      'nodes',
      'namespaces',
    ].map(resource => [`list ${resource}`, fallback]),
  ),
  'create apps/deployments': 'a server-side apply that makes a Deployment needs it; the log says patch',
  'watch coordination.k8s.io/leases': 'only by a replica that waits while another one leads',
  'create services': 'a server-side apply that makes a Service needs it; the log says patch',
  'delete services': 'only when a made Runtime goes whose Service was made too',
  'delete apps/deployments': 'only when a made Runtime goes',
  'get batch/jobs': 'only after a Job of that name is there already',
  'patch pods': 'only when a made Runtime drains',
  'list events': 'only for a worker pod that does not start and does not say why',
  'patch events.k8s.io/events': 'only for an event that repeats',
  'patch services': 'only for a Service that was made',
  'patch configmaps': 'only for an engine that is adopted by its config file',
}

type Rule = { readonly apiGroups: string[]; readonly resources: string[]; readonly verbs: string[] }

const rightsOf = (rules: readonly Rule[]): string[] =>
  rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap(group => resources.flatMap(of => verbs.map(verb => right(verb, group, of)))),
  )
const right = (verb: string, group: string, resource: string): string =>
  `${verb} ${[group, resource].filter(Boolean).join('/')}`

describe.skipIf(reason !== undefined)('Figures from the audit log', () => {
  let town: Town

  const ready = (kind: string, name: string, also: (seen: Seen) => boolean = () => true) =>
    until(
      () => town.get(ns, kind, name),
      seen => isReady(seen) && also(seen),
    )
  const serves = (name: string) => (seen: Seen) => seen.status.active?.model === name && !seen.status.switch

  beforeAll(async () => {
    town = await buildTown(cluster(), [{ name: 'alpha' }, { name: 'beta', answer: 'I am the other one.' }])
    await installSwitchyard(cluster(), {
      hubUrl: town.hub.url,
      registryUrl: town.registry.url,
      image: images?.switchyard ?? '',
    })
    await town.apply([namespaceOf(ns)])
  })
  afterAll(async () => {
    await cluster().kubectl(['delete', 'namespace', ns, '--timeout=60s'])
    await town?.close()
  })

  it('a Model costs at most eight writes from its creation to Ready', async () => {
    await town.apply(volumeOnly({ namespace: ns, name: 'volume', image }))
    await until(
      () => town.get(ns, 'runtime', 'volume'),
      seen => seen.status?.phase === 'Observing',
    )
    await sleep(1_000)
    const since = Date.now()
    await town.apply([hubModel(ns, 'beta', { runtimes: [{ name: 'volume' }] })])
    await ready('model', 'beta')
    await sleep(3_000)
    expectWithin('A Model from its creation to Ready:', since, {
      most: 8,
      bill: {
        'patch models beta': 1,
        // the first word, the download begins, Ready
        'patch models/status beta': 3,
        // resolve and download
        'create jobs': 2,
        'delete jobs': 2,
      },
    })
  })

  it('a switch in place costs at most five writes', async () => {
    await town.apply([
      claim(ns, 'ollama'),
      service(ns, 'ollama', 11434),
      deployment({
        namespace: ns,
        name: 'ollama',
        image,
        claim: 'ollama',
        port: 11434,
        command: ['ollama', 'serve'],
        env: { OLLAMA_MODELS: '/models/ollama', OLLAMA_HOST: '0.0.0.0' },
      }),
      runtime(ns, 'ollama', {
        engine: 'Ollama',
        activeModel: 'alpha-ollama',
        kubernetes: { deploymentName: 'ollama', serviceName: 'ollama' },
      }),
      ollamaModel(ns, 'alpha'),
      ollamaModel(ns, 'beta', { runtimes: [{ name: 'ollama' }] }),
    ])
    await ready('runtime', 'ollama', serves('alpha-ollama'))
    await ready('model', 'beta-ollama')
    await sleep(2_000)
    const since = Date.now()
    await town.patch(ns, 'runtime/ollama', { spec: { activeModel: 'beta-ollama' } })
    await ready('runtime', 'ollama', serves('beta-ollama'))
    await sleep(3_000)
    expectWithin('A switch in place (Ollama):', since, {
      most: 5,
      bill: {
        // Unloading, Loading, Active
        'patch runtimes/status ollama': 3,
        // used no more, and used now
        'patch models/status alpha-ollama': 1,
        'patch models/status beta-ollama': 1,
      },
    })
  })

  it('a switch of a made Deployment costs at most seven writes, and all of it goes with its Runtime', async () => {
    const spec = podSpec({ namespace: ns, name: 'made', image, claim: 'made', port: 8000 })
    const container = { ...spec.containers[0], command: ['vllm', 'serve'] }
    await town.apply([
      claim(ns, 'made'),
      runtime(ns, 'made', {
        engine: 'VLLM',
        activeModel: 'alpha',
        switch: { drainSeconds: 1 },
        kubernetes: {
          podTemplate: { spec: { ...spec, containers: [container] } },
          serviceName: 'made',
        },
      }),
      hubModel(ns, 'alpha'),
      hubModel(ns, 'beta', { runtimes: [{ name: 'volume' }, { name: 'made' }] }),
    ])
    await ready('runtime', 'made', serves('alpha'))
    await ready('model', 'beta')
    await sleep(2_000)
    const since = Date.now()
    await town.patch(ns, 'runtime/made', { spec: { activeModel: 'beta' } })
    await ready('runtime', 'made', serves('beta'))
    await sleep(3_000)
    expectWithin('A switch of a made Deployment (vLLM):', since, {
      most: 7,
      bill: {
        // Unloading, Loading, Active; Draining too, where requests run
        'patch runtimes/status made': 3,
        'patch models/status alpha': 1,
        'patch models/status beta': 1,
        'patch deployments made': 1,
        // out of its Service
        'patch pods': 1,
      },
    })
    await cluster().kubectl(['delete', 'runtime', 'made', '-n', ns, '--timeout=60s'])
    await until(
      async () => JSON.parse(await cluster().kubectl(['get', 'deploy,svc', '-n', ns, '-o', 'json'])),
      seen => !seen.items.some((one: Seen) => one.metadata.name === 'made'),
    )
  })

  it('every right that the operator used is granted, and each that it did not use is granted for a reason', async () => {
    const rules = async (...what: string[]): Promise<Rule[]> =>
      JSON.parse(await cluster().kubectl(['get', ...what, '-o', 'json'])).rules
    const granted = rightsOf(await rules('clusterrole', 'switchyard'))
    const lease = rightsOf(await rules('role', 'switchyard-lease', '-n', 'switchyard-system'))
    const used = new Set(
      ours().map(event => right(event.verb, event.objectRef?.apiGroup ?? '', resourceOf(event))),
    )
    expect([...used].filter(one => !granted.includes(one) && !lease.includes(one))).toEqual([])
    const unused = [...granted, ...lease].filter(one => !used.has(one))
    const lines = unused.map(one => `  ${one}: ${unusedRights[one] ?? 'NO REASON'}`)
    console.log([`${used.size} rights used; granted and not used in this run:`, ...lines].join('\n'))
    expect(unused.filter(one => unusedRights[one] === undefined)).toEqual([])
  })
})
