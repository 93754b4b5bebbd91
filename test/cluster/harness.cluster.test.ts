// The test cluster itself: real pods on real nodes, volumes that can be looked into, one GPU, an audit log, node loss.
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clusterOrSkip } from './access.ts'

const { cluster, images, reason } = clusterOrSkip('engine')
const namespace = `harness-${Date.now().toString(36)}`
const waitFor = async <T>(ask: () => Promise<T | undefined>): Promise<T> => {
  const deadline = Date.now() + 60_000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error('not seen within 60 s')
    await sleep(150)
  }
}

const kubectl = (...args: string[]) => cluster().kubectl(['-n', namespace, ...args])
const apply = (...objects: object[]) =>
  cluster().kubectl(['-n', namespace, 'apply', '-f', '-'], {
    input: objects.map(o => JSON.stringify(o)).join('\n---\n'),
  })
const jsonpath = (kind: string, name: string, path: string) =>
  kubectl('get', kind, name, '-o', `jsonpath={${path}}`)

const container = (script: string, more: object = {}) => ({
  name: 'main',
  image: images?.engine ?? '',
  imagePullPolicy: 'Never',
  command: ['/usr/bin/node', '-e', script],
  ...more,
})
const podSpec = (script: string, more: object = {}) => ({
  restartPolicy: 'Never',
  dnsPolicy: 'Default',
  terminationGracePeriodSeconds: 0,
  containers: [container(script, more)],
})
const aPod = (name: string, script: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: podSpec(script, more),
})
const aClaim = (name: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '100Mi' } } },
})
const phaseIs = (name: string, phase: string) =>
  waitFor(async () => ((await jsonpath('pod', name, '.status.phase')) === phase ? true : undefined))
const forever = 'setInterval(() => {}, 1000)'

describe.skipIf(reason !== undefined)('the test cluster', () => {
  beforeAll(async () => {
    await cluster().kubectl(['create', 'namespace', namespace])
    await waitFor(async () => (await kubectl('get', 'serviceaccounts', '-o', 'name')) || undefined)
  })
  afterAll(() => cluster().kubectl(['delete', 'namespace', namespace, '--wait=false']))

  it('a Job writes to its claim: it completes and its bytes lie in the folder that the test reads', async () => {
    const write = "require('fs').writeFileSync('/data/out.txt', 'from uid ' + process.getuid())"
    const spec = {
      ...podSpec(write, { volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    }
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'write' },
      spec: { template: { spec } },
    }
    await apply(aClaim('data'), job)
    await kubectl('wait', '--for=condition=Complete', 'job/write', '--timeout=60s')
    const path = await cluster().volumePath(namespace, 'data')
    expect(readFileSync(join(path, 'out.txt'), 'utf8')).toBe('from uid 65532')
  })

  it('a claim is deleted with its pod: its volume and its folder go', async () => {
    await kubectl('delete', 'job', 'write', '--wait')
    const path = await cluster().volumePath(namespace, 'data')
    await kubectl('delete', 'pvc', 'data', '--wait')
    await waitFor(async () => {
      try {
        readFileSync(join(path, 'out.txt'))
        return undefined
      } catch {
        return true
      }
    })
  })

  it('one GPU and two pods that want it: the first gets it, the second waits until the first is gone', async () => {
    const wantsGpu = { resources: { limits: { 'nvidia.com/gpu': 1 } } }
    await apply(aPod('gpu-1', `console.log(process.env.NVIDIA_VISIBLE_DEVICES); ${forever}`, wantsGpu))
    await phaseIs('gpu-1', 'Running')
    expect(await jsonpath('pod', 'gpu-1', '.spec.nodeName')).toBe('gpu-node')
    expect(await waitFor(async () => (await kubectl('logs', 'gpu-1')) || undefined)).toBe('GPU-0')
    await apply(aPod('gpu-2', forever, wantsGpu))
    const message = () => jsonpath('pod', 'gpu-2', '.status.conditions[0].message')
    expect(await waitFor(async () => (await message()) || undefined)).toMatch('Insufficient nvidia.com/gpu')
    await kubectl('delete', 'pod', 'gpu-1', '--wait')
    await phaseIs('gpu-2', 'Running')
    await kubectl('delete', 'pod', 'gpu-2', '--wait')
  })

  it('a server on the bridge address: a pod reaches it', async () => {
    const server: Server = createServer((_request, answer) => answer.end('hello from the host'))
    await new Promise<void>(done => server.listen(0, cluster().bridgeAddress, done))
    const { port } = server.address() as { port: number }
    const ask = `fetch('http://${cluster().bridgeAddress}:${port}').then(r => r.text()).then(console.log)`
    await apply(aPod('ask-host', ask))
    await phaseIs('ask-host', 'Succeeded')
    expect(await kubectl('logs', 'ask-host')).toBe('hello from the host')
    server.close()
  })

  it('the kubernetes Service: a pod reaches the API server through it with its own token', async () => {
    const folder = '/var/run/secrets/kubernetes.io/serviceaccount'
    const ask = `const fs = require('fs');
      require('https').get({ host: process.env.KUBERNETES_SERVICE_HOST, port: 443, path: '/version',
        ca: fs.readFileSync('${folder}/ca.crt'),
        headers: { authorization: 'Bearer ' + fs.readFileSync('${folder}/token') } }, r => { console.log(r.statusCode); process.exit() })`
    await apply(aPod('ask-api', ask))
    await phaseIs('ask-api', 'Succeeded')
    expect(await kubectl('logs', 'ask-api')).toBe('200')
  })

  it('a write: the audit log names verb, object and user', async () => {
    await kubectl('create', 'configmap', 'audited')
    const written = cluster()
      .auditEvents()
      .filter(event => event.objectRef?.name === 'audited' && event.objectRef.namespace === namespace)
    expect(written.map(event => [event.verb, event.objectRef?.resource, event.user.username])).toEqual([
      ['create', 'configmaps', 'admin'],
    ])
  })

  it('a node that is killed and started again: its pod runs again', async () => {
    const onCpuNode = {
      ...podSpec(forever),
      restartPolicy: 'Always',
      nodeSelector: { 'kubernetes.io/hostname': 'cpu-node' },
    }
    await apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'stays' }, spec: onCpuNode })
    await phaseIs('stays', 'Running')
    const startedAt = () => jsonpath('pod', 'stays', '.status.containerStatuses[0].state.running.startedAt')
    const before = await startedAt()
    await cluster().killNode('cpu-node')
    await cluster().startNode('cpu-node')
    await waitFor(async () => {
      const now = await startedAt()
      return now !== '' && now !== before ? now : undefined
    })
  })
})
