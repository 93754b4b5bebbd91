// What servings write, as golden text: a cluster of plain objects takes the patches down instead of carrying them out.
// Write the goldens anew with UPDATE_GOLDEN=1.
import { describe, expect, it } from 'vitest'
import type { Launch } from '../../../src/domain/engine.ts'
import type { Runtime } from '../../../src/domain/object.ts'
import type { ClusterReads, ClusterWrites } from '../../../src/platform/kubernetes/cluster-port.ts'
import { markConfig, notes } from '../../../src/platform/kubernetes/deployment-notes.ts'
import type {
  RawConfigMap,
  RawDeployment,
  RawPod,
  RawService,
} from '../../../src/platform/kubernetes/kubernetes-objects.ts'
import { createKubernetesServings } from '../../../src/platform/kubernetes/kubernetes-servings.ts'
import {
  aRuntime,
  configMap,
  container,
  deployment,
  type Json,
  managed,
  pod,
  service,
  template,
} from './serving-objects.ts'

interface Standing {
  readonly deployment?: RawDeployment
  readonly configMap?: RawConfigMap
  readonly service?: RawService
  readonly pods?: readonly RawPod[]
}

const open = (standing: Standing) => {
  const written: object[] = []
  const reads: ClusterReads = {
    runtimes: () => [],
    deployment: () => standing.deployment,
    replicaSets: () => [{ metadata: { name: 'rs', uid: 'rs', resourceVersion: '1' } }],
    pods: () => standing.pods ?? [],
    pod: (_namespace, name) => standing.pods?.find(one => one.metadata.name === name),
    configMap: () => standing.configMap,
    service: () => standing.service,
    claim: () => undefined,
    autoscalers: () => [],
    nodes: () => undefined,
    watch: () => {},
  }
  const writes: ClusterWrites = {
    patch: async ({ for: _, ...target }, form, body) => void written.push({ ...target, form, body }),
    apply: async ({ for: _, ...target }, body, isDryRun) =>
      void written.push({ ...target, form: isDryRun ? 'dry run' : 'apply', body }),
    remove: async ({ for: _, ...target }, uid) => void written.push({ ...target, form: 'delete', uid }),
    logs: async (_pod, { isPrevious }) => (isPrevious ? ['old 1', 'old 2'] : ['new 1']),
  }
  return { written, servings: createKubernetesServings(reads, writes) }
}

const byArgs = aRuntime()
const byConfig = aRuntime({ kubernetes: { deploymentName: 'vllm', configMap: { name: 'vllm-engine' } } })
const made = aRuntime({
  kubernetes: { podTemplate: template() as unknown as Json, serviceName: 'gpu-a' },
  switch: { drainSeconds: 90 },
})
const byService = aRuntime({ kubernetes: { deploymentName: 'vllm', serviceName: 'vllm' } })
const patient = aRuntime({ switch: { drainSeconds: 90 } })
const argsLaunch: Launch = { hash: 'bbbb', args: ['/models/hub/b', '--max-model-len', '4096'] }
const fileLaunch: Launch = { hash: 'bbbb', config: 'model: /models/hub/b\n' }

const note = (name: string, value: unknown) => ({ [name]: JSON.stringify(value) })
const found = {
  ...note(notes.originals, {
    container: 'vllm',
    command: ['vllm', 'serve'],
    args: ['old/model', '--max-model-len', '4096'],
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    replicas: 1,
    graceSeconds: 30,
  }),
  ...note(notes.runtime, { name: 'gpu-a', uid: 'runtime-1' }),
}
/** A manifest that names its grace period: every `kubectl apply` brings it back. */
const declaredGrace = note('kubectl.kubernetes.io/last-applied-configuration', {
  spec: { template: { spec: { terminationGracePeriodSeconds: 30 } } },
})
const writtenArgs = { hash: 'bbbb', command: ['vllm', 'serve'], args: argsLaunch.args }
const recreate = { strategy: { type: 'Recreate' } }
const after = (previous: Json, args = argsLaunch.args) =>
  deployment(
    { ...recreate, template: template([container({ args })]) },
    { annotations: { ...found, ...note(notes.applied, writtenArgs), ...note(notes.previous, previous) } },
  )
const standing = { deployment: after({ hash: 'AsFound' }) }
const before = { hash: 'aaaa', command: ['vllm', 'serve'], args: ['/models/hub/a'] }
const fileFound = {
  ...found,
  ...note(notes.originals, {
    container: 'vllm',
    command: null,
    args: null,
    config: null,
    strategy: null,
    replicas: 1,
    graceSeconds: null,
  }),
}
const fileStanding = {
  configMap: configMap(markConfig('model: /models/hub/b\n', 'bbbb')),
  deployment: deployment(recreate, {
    annotations: {
      ...fileFound,
      ...note(notes.applied, fileLaunch),
      ...note(notes.previous, { hash: 'AsFound' }),
    },
  }),
}
const madeMetadata = {
  name: 'gpu-a',
  ownerReferences: [{ controller: true, kind: 'Runtime', uid: 'runtime-1' }],
}
const madeStanding = {
  deployment: deployment(
    { ...recreate, template: template([container({ args: argsLaunch.args })]) },
    {
      ...madeMetadata,
      annotations: { ...note(notes.applied, writtenArgs), ...note(notes.previous, before) },
    },
  ),
  service: { ...service(), metadata: { ...service().metadata, ...madeMetadata } } as unknown as RawService,
}

type Calls = ReturnType<typeof open>['servings']
const rows: readonly [string, Standing, Runtime, (to: Calls, runtime: Runtime) => Promise<void>][] = [
  ['args-prepare', { deployment: deployment() }, byArgs, (to, at) => to.prepare(at)],
  [
    'args-apply-first',
    { deployment: deployment(recreate, { annotations: found }) },
    byArgs,
    (to, at) => to.apply(at, argsLaunch),
  ],
  [
    'args-apply-long-drain',
    { deployment: deployment(recreate, { annotations: found }) },
    patient,
    (to, at) => to.apply(at, argsLaunch),
  ],
  [
    'args-apply-declared-grace',
    { deployment: deployment(recreate, { annotations: { ...found, ...declaredGrace } }) },
    patient,
    (to, at) => to.apply(at, argsLaunch),
  ],
  [
    'args-apply-second',
    standing,
    byArgs,
    (to, at) => to.apply(at, { hash: 'cccc', args: ['/models/hub/c'] }),
  ],
  ['args-revert', { deployment: after(before) }, byArgs, (to, at) => to.revert(at, 'aaaa')],
  ['args-revert-as-found', standing, byArgs, (to, at) => to.revert(at, 'AsFound')],
  ['args-restore', standing, byArgs, (to, at) => to.restore(at)],
  ['args-release', standing, byArgs, (to, at) => to.release(at)],
  ['args-scale', standing, byArgs, (to, at) => to.scale(at, 0)],
  [
    'config-prepare',
    { deployment: deployment(), configMap: configMap() },
    byConfig,
    (to, at) => to.prepare(at),
  ],
  [
    'config-apply',
    { deployment: deployment(recreate, { annotations: fileFound }), configMap: configMap() },
    byConfig,
    (to, at) => to.apply(at, fileLaunch),
  ],
  ['config-revert-as-found', fileStanding, byConfig, (to, at) => to.revert(at, 'AsFound')],
  ['made-prepare', {}, made, (to, at) => to.prepare(at)],
  ['made-apply', {}, made, (to, at) => to.apply(at, argsLaunch)],
  ['made-revert', madeStanding, made, (to, at) => to.revert(at, 'aaaa')],
  ['made-release', madeStanding, made, (to, at) => to.release(at)],
  [
    'made-ollama',
    {},
    aRuntime({
      engine: 'Ollama',
      kubernetes: {
        podTemplate: template([
          container({ name: 'ollama', args: undefined, command: undefined }),
        ]) as unknown as Json,
      },
    }),
    (to, at) => to.apply(at, { hash: 'bbbb' }),
  ],
]

const told = (written: readonly object[]) =>
  `${written.map(one => JSON.stringify(one, undefined, 2)).join('\n')}\n`

describe('what is written', () => {
  it.each(rows)('%s', async (name, there, runtime, call) => {
    const { servings, written } = open(there)
    await call(servings, runtime)
    await expect(told(written)).toMatchFileSnapshot(`golden/servings/${name}.txt`)
  })
})

const silent: typeof rows = [
  ['the same launch again', standing, byArgs, (to, at) => to.apply(at, argsLaunch)],
  ['the same config file again', fileStanding, byConfig, (to, at) => to.apply(at, fileLaunch)],
  ['a revert to what stands there', standing, byArgs, (to, at) => to.revert(at, 'bbbb')],
  [
    'a second preparation',
    { deployment: deployment(recreate, { annotations: found }) },
    byArgs,
    (to, at) => to.prepare(at),
  ],
  ['the same scale', standing, byArgs, (to, at) => to.scale(at, 1)],
  [
    'a release by a Runtime that does not have it',
    { deployment: deployment() },
    byArgs,
    (to, at) => to.release(at),
  ],
  ['a restore without originals', { deployment: deployment() }, byArgs, (to, at) => to.restore(at)],
  ['a restore of a Deployment that is gone', {}, byArgs, (to, at) => to.restore(at)],
  [
    'a launch inside the running process',
    { deployment: deployment() },
    byArgs,
    (to, at) => to.apply(at, { hash: 'x' }),
  ],
  ['the same launch of a made one', madeStanding, made, (to, at) => to.apply(at, argsLaunch)],
  [
    'a pod that is out already',
    {
      service: service({ 'switchyard.dev/serving': 'true' }),
      pods: [pod({}, { labels: { 'switchyard.dev/serving': 'false' } })],
    },
    byService,
    (to, at) => to.setInService(at, 'vllm-1', false),
  ],
]

describe('what writes nothing', () => {
  it.each(silent)('%s', async (_name, there, runtime, call) => {
    const { servings, written } = open(there)
    await call(servings, runtime)
    expect(written).toEqual([])
  })
})

const strategy = { 'f:spec': { 'f:strategy': { 'f:rollingUpdate': {} } } }
const data = { 'f:data': { 'f:engine.yaml': {} } }
const declared = {
  'kubectl.kubernetes.io/last-applied-configuration': '{"spec":{"strategy":{"type":"RollingUpdate"}}}',
}
const conflicts: typeof rows = [
  [
    'argocd owns spec.strategy',
    { deployment: deployment({}, { managedFields: [managed('argocd', strategy, { operation: 'Apply' })] }) },
    byArgs,
    (to, at) => to.prepare(at),
  ],
  [
    'kubectl-client-side-apply owns spec.strategy',
    { deployment: deployment({}, { annotations: declared }) },
    byArgs,
    (to, at) => to.prepare(at),
  ],
  [
    'flux owns data.engine.yaml',
    {
      deployment: deployment(recreate),
      configMap: configMap('a: b', { managedFields: [managed('flux', data, { operation: 'Apply' })] }),
    },
    byConfig,
    (to, at) => to.prepare(at),
  ],
  [
    'another manager owns args of container vllm',
    { deployment: after({ hash: 'AsFound' }, ['old']) },
    byArgs,
    (to, at) => to.apply(at, argsLaunch),
  ],
  [
    'another manager owns args of container vllm',
    { deployment: after(before, ['old']) },
    byArgs,
    (to, at) => to.revert(at, 'aaaa'),
  ],
]

describe('FieldConflict', () => {
  it.each(conflicts)('%s', async (message, there, runtime, call) => {
    const { servings, written } = open(there)
    await expect(call(servings, runtime)).rejects.toMatchObject({
      reason: 'FieldConflict',
      message: expect.stringContaining(message),
    })
    expect(written).toEqual([])
  })

  it('a person’s retry writes the launch again', async () => {
    const { servings, written } = open({ deployment: after({ hash: 'AsFound' }, ['old']) })
    await servings.apply(
      aRuntime({}, { annotations: { 'switchyard.dev/retry-requested-at': 'now' } }),
      argsLaunch,
    )
    expect(written).toHaveLength(1)
  })

  it('a defaulted rollingUpdate is nobody’s', async () => {
    const fields = [managed('kubectl-create', strategy)]
    const { servings, written } = open({ deployment: deployment({}, { managedFields: fields }) })
    await servings.prepare(byArgs)
    expect(written).toHaveLength(1)
  })
})

describe('the rest', () => {
  it('a Service that does not select our label cannot tell: NotSupported', async () => {
    const { servings } = open({ service: service(), pods: [pod()] })
    await expect(servings.setInService(byService, 'vllm-1', false)).rejects.toMatchObject({
      reason: 'NotSupported',
    })
  })

  it('a launch that nobody remembers cannot be put back', async () => {
    const { servings } = open(standing)
    await expect(servings.revert(byArgs, 'ffff')).rejects.toMatchObject({ reason: 'SwitchFailed' })
  })

  it('a Service that only has the name of a made one is neither written to nor used', async () => {
    const unnamed = aRuntime({ kubernetes: { podTemplate: template() as unknown as Json } })
    const { servings, written } = open({ service: service() })
    await servings.apply(unnamed, argsLaunch)
    expect(written).toMatchObject([{ kind: 'Deployment' }])
    expect(servings.observe(unnamed).endpoint).toBeUndefined()
  })

  it('a stranger under the name of a made one is never written to', async () => {
    const { servings, written } = open({ deployment: deployment() })
    await expect(servings.apply(made, argsLaunch)).rejects.toMatchObject({ reason: 'OwnedByController' })
    expect(written).toEqual([])
  })

  it('without a Deployment it waits', async () => {
    await expect(open({}).servings.apply(byArgs, argsLaunch)).rejects.toMatchObject({
      reason: 'DeploymentNotFound',
    })
  })

  it('a restore without its ConfigMap gives the Deployment back', async () => {
    const { servings, written } = open({ deployment: fileStanding.deployment })
    await servings.restore(byConfig)
    expect(written).toMatchObject([{ kind: 'Deployment', name: 'vllm' }])
  })

  it('after a restart the log begins with the end of the one before', async () => {
    const restarted = pod({ containerStatuses: [{ name: 'vllm', restartCount: 1 }] })
    const { servings } = open({ deployment: deployment(), pods: [restarted] })
    expect(await servings.logs(byArgs, 'vllm-1', 2)).toEqual(['old 2', 'new 1'])
  })
})
