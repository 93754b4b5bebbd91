import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import type { WorkOrder } from '../../../src/domain/platform.ts'
import { renderJob } from '../../../src/platform/kubernetes/job-render.ts'
import { toWorkerSettings, type WorkerSettings } from '../../../src/platform/kubernetes/worker-settings.ts'
import { aDownload, anAsk, aResolve, aRuntime, aVolume, settings } from './work-orders.ts'

const golden = (name: string) => join(import.meta.dirname, 'golden', `${name}.yaml`)

const busy = toWorkerSettings('registry.example/switchyard:0.1.0', 'Always', {
  labels: { team: 'platform', 'app.kubernetes.io/managed-by': 'somebody-else' },
  annotations: { 'example.com/note': 'settings' },
  resources: {
    requests: { cpu: '1', 'nvidia.com/gpu': '1' },
    limits: { memory: '2Gi' },
    claims: [{ name: 'g' }],
  },
  securityContext: { seLinuxOptions: { level: 's0:c1' } },
  imagePullSecrets: [{ name: 'ours' }],
  nodeSelector: { role: 'small' },
  tolerations: [{ key: 'small', operator: 'Exists' }],
  dnsPolicy: 'Default',
  env: { HTTPS_PROXY: 'http://proxy:3128' },
  caConfigMap: { name: 'extra-ca', key: 'ca.crt' },
})

const engineTolerations = [
  { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 600 },
]

const ofDownload = aDownload().task
const withMirrors = {
  ...ofDownload,
  source: {
    huggingFace: {
      repo: 'acme/llama',
      revision: 'main',
      mirrors: [{ endpoint: 'https://open.example' }, { endpoint: 'https://hub.in-house.example/api/hf' }],
    },
  },
} as WorkOrder['task']

const cases: readonly [string, WorkOrder, WorkerSettings][] = [
  ['resolve', aResolve(), settings],
  ['resolve-with-token-and-settings', aResolve({ tokenSecret: { name: 'hub', key: 'token' } }), busy],
  ['ask', anAsk(), settings],
  ['download', aDownload(), settings],
  [
    'download-with-tokens-of-hub-and-mirrors',
    aDownload({
      task: withMirrors,
      tokenSecret: { name: 'hub', key: 'token' },
      mirrorSecrets: [{ mirror: 1, name: 'in-house', key: 'read' }],
    }),
    settings,
  ],
  [
    'download-beside-a-running-engine',
    aDownload({
      volume: aVolume({
        nodeName: 'gpu-1',
        nodeSelector: { gpu: 'yes' },
        tolerations: engineTolerations,
        runAsUser: 1000,
        runAsGroup: 1000,
        fsGroup: 2000,
        supplementalGroups: [3000],
      }),
    }),
    settings,
  ],
  [
    'download-where-a-person-says',
    aDownload({
      volume: aVolume({ nodeName: 'gpu-1', tolerations: engineTolerations }),
      runtime: aRuntime({
        placement: { nodeSelector: { zone: 'a' } },
        worker: {
          labels: { team: 'ml' },
          annotations: { 'example.com/note': 'runtime' },
          resources: { limits: { memory: '4Gi', 'amd.com/gpu': '1' } },
          securityContext: { runAsUser: 4000, fsGroup: null },
          imagePullSecrets: [{ name: 'theirs' }],
          priorityClassName: 'low',
        },
      }),
    }),
    busy,
  ],
]

describe('a Job', () => {
  for (const [name, order, how] of cases) {
    it(`of ${name} is rendered as its golden file says`, async () => {
      await expect(stringify(renderJob(order, how), { aliasDuplicateObjects: false })).toMatchFileSnapshot(
        golden(`job-${name}`),
      )
    })
  }

  it('never asks for a device, whatever the overlays say', () => {
    const text = JSON.stringify(cases.map(([, order, how]) => renderJob(order, how)))
    expect(text).not.toMatch(/"(nvidia|amd)\.com\/gpu":/)
    expect(text).not.toContain('"claims"')
  })

  it('runs as root only where the Runtime opted out of restricted', () => {
    const root = { runAsUser: 0, runAsGroup: 0 }
    const pod = (order: WorkOrder) =>
      (renderJob(order, settings)['spec'] as { template: { spec: { securityContext: object } } }).template
        .spec
    expect(pod(aDownload({ volume: aVolume(root) })).securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65532,
    })
    expect(pod(aDownload({ volume: aVolume({ ...root, runAsRoot: true }) })).securityContext).toMatchObject({
      runAsNonRoot: false,
      runAsUser: 0,
    })
    const asked = aRuntime({ worker: { securityContext: { runAsUser: 0 } } })
    expect(pod(aDownload({ runtime: asked })).securityContext).toMatchObject({
      runAsNonRoot: false,
      runAsUser: 0,
    })
  })

  it('has one name for the same identity and another for the next attempt', () => {
    const name = (order: WorkOrder) => renderJob(order, settings).metadata.name
    expect(name(aDownload())).toBe(name(aDownload()))
    expect(name(aDownload())).not.toBe(name(aDownload({ id: 'download:ai/models/llm@abc#0/2', attempt: 2 })))
    expect(name(aDownload())).toMatch(/^sy-[0-9a-f]{32}$/)
  })
})
