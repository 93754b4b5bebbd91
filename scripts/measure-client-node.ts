// Measures again, against a loopback server, the three defects of client-node that made us write our own kernel.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { CoreV1Api, KubeConfig, makeInformer, type V1Pod } from '@kubernetes/client-node'
import { Client } from '../src/platform/kubernetes/kernel/client.ts'
import type { KernelObject } from '../src/platform/kubernetes/kernel/objects.ts'
import { Reflector } from '../src/platform/kubernetes/kernel/reflector.ts'
import { POD } from '../src/platform/kubernetes/kernel/resources.ts'
import { Transport } from '../src/platform/kubernetes/kernel/transport.ts'

const REQUESTS = Number(process.argv[2] ?? 500)
const WATCHED_MS = 8000

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1' },
  spec: { containers: [{ name: 'c', image: 'i', fieldOfTomorrow: 'kept' }] },
}

interface Server {
  readonly config: KubeConfig
  readonly connections: () => number
  readonly requests: () => number
  readonly close: () => void
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void

async function startServer(answer: Answer): Promise<Server> {
  const seen = { connections: 0, requests: 0 }
  const server = createServer((request, response) => {
    seen.requests++
    response.setHeader('content-type', 'application/json')
    answer(request, response)
  })
  server.on('connection', () => {
    seen.connections++
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    config: configOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    connections: () => seen.connections,
    requests: () => seen.requests,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function configOf(server: string): KubeConfig {
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [{ name: 'c', server, skipTLSVerify: true }],
    users: [{ name: 'u', token: 't' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  })
  return config
}

const answerPod: Answer = (_request, response) => response.end(JSON.stringify(pod))

/** The first list succeeds, every watch is refused with 500. */
const answerListOnly: Answer = (request, response) => {
  if (request.url?.includes('watch=')) {
    response.statusCode = 500
    response.end('{"kind":"Status","code":500}')
    return
  }
  response.end(
    JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items: [pod] }),
  )
}

interface Cost {
  readonly connections: number
  readonly cpuMs: number
}

async function costOf(server: Server, request: () => Promise<unknown>): Promise<Cost> {
  const before = { connections: server.connections(), cpu: process.cpuUsage() }
  for (let sent = 0; sent < REQUESTS; sent++) await request()
  const { user, system } = process.cpuUsage(before.cpu)
  return { connections: server.connections() - before.connections, cpuMs: (user + system) / 1000 / REQUESTS }
}

async function measureConnections(): Promise<void> {
  const server = await startServer(answerPod)
  const api = server.config.makeApiClient(CoreV1Api)
  const transport = new Transport(server.config)
  const client = new Client(transport)
  const theirs = await costOf(server, () => api.readNamespacedPod({ name: 'p', namespace: 'n' }))
  const ours = await costOf(server, () => client.get(POD, { name: 'p', namespace: 'n' }))
  const text = (cost: Cost) => `${cost.connections} connections, ${cost.cpuMs.toFixed(2)} ms CPU each`
  print(`D1 ${REQUESTS} reads one after the other`, text(theirs), text(ours))
  await transport.close()
  server.close()
}

async function measureInformer(): Promise<void> {
  const server = await startServer(answerListOnly)
  const api = server.config.makeApiClient(CoreV1Api)
  const informer = makeInformer<V1Pod>(server.config, '/api/v1/namespaces/n/pods', () =>
    api.listNamespacedPod({ namespace: 'n' }),
  )
  let errors = 0
  informer.on('error', () => {
    errors++
  })
  await informer.start().catch(() => undefined)
  await sleep(WATCHED_MS)
  const theirs = `${server.requests()} requests, ${errors} error event`
  await informer.stop()
  server.close()
  print(`D2 every watch answered 500, ${WATCHED_MS / 1000} s`, theirs, await followWithOurs())
}

async function followWithOurs(): Promise<string> {
  const server = await startServer(answerListOnly)
  const transport = new Transport(server.config)
  const source = { resource: POD, namespace: 'n', transform: (object: KernelObject) => object }
  const reflector = new Reflector(new Client(transport), source)
  reflector.start()
  await sleep(WATCHED_MS)
  const text = `${server.requests()} requests, still trying`
  await reflector.stop()
  await transport.close()
  server.close()
  return text
}

async function measureTypedRead(): Promise<void> {
  const server = await startServer(answerPod)
  const transport = new Transport(server.config)
  const typed = await server.config.makeApiClient(CoreV1Api).readNamespacedPod({ name: 'p', namespace: 'n' })
  const raw = await new Client(transport).get(POD, { name: 'p', namespace: 'n' })
  const text = (object: unknown) => (JSON.stringify(object).includes('fieldOfTomorrow') ? 'kept' : 'dropped')
  print('D6 a field newer than the models', text(typed), text(raw))
  await transport.close()
  server.close()
}

function print(measured: string, theirs: string, ours: string): void {
  process.stdout.write(`${measured.padEnd(38)} | ${theirs.padEnd(40)} | ${ours}\n`)
}

print('measured', 'client-node', 'ours')
await measureConnections()
await measureInformer()
await measureTypedRead()
