// Switches: their writes, and how much of a switch's time is ours and not the engine's.
import { join } from 'node:path'
import { execa } from 'execa'
import type { AuditEvent } from '../../test/cluster/attached.ts'
import { imageNames } from '../../test/cluster/images.ts'
import { claim, configMap, deployment, runtime, service } from '../../test/journeys/engines.ts'
import type { Seen } from '../../test/journeys/town.ts'
import {
  answered,
  type Counts,
  countByName,
  isByOperator,
  isWrite,
  operatorWrites,
  received,
} from './audit.ts'
import { pairFor } from './fleet.ts'
import { activate, create, isActive, openNamespace, type Place, untilActive, untilQuiet } from './place.ts'

/** All in milliseconds. */
export type Share = {
  /** from the answer to the spec's change until the Deployment's patch arrives */
  readonly order: number
  /** from the moment the engine listens, as it says itself, until the status says Ready */
  readonly fromEngine: number
  /** from kubelet's last word about the pod until the status says Ready */
  readonly fromKubelet: number
}
export type Switch = { readonly writes: Counts; readonly share?: Share }

const vllm = { namespace: 'switch-vllm', runtime: 'gpu' }
const ollama = { namespace: 'switch-ollama', runtime: 'box' }
const claimName = { claim: 'models' }

/** The stand-in of vLLM, adopted by its config file; it is switched there and back, `count` times. */
export async function vllmSwitches(place: Place, count: number): Promise<Switch[]> {
  const { namespace } = vllm
  await openNamespace(place.api, namespace)
  await create(place.api, [
    claim(namespace, 'models'),
    configMap(namespace, 'engine'),
    service(namespace, 'vllm', 8000),
    deployment({
      ...{ namespace, name: 'vllm', image: imageNames.engine, port: 8000, ...claimName, configMap: 'engine' },
      command: ['vllm', 'serve'],
      args: ['--config', '/etc/vllm/engine.yaml'],
    }),
    runtime(namespace, vllm.runtime, {
      engine: 'VLLM',
      activeModel: 'alpha',
      kubernetes: { deploymentName: 'vllm', configMap: { name: 'engine' }, serviceName: 'vllm' },
    }),
    ...pairFor('VLLM', namespace, vllm.runtime),
  ])
  await untilActive(place.api, namespace, vllm.runtime, 'alpha')
  return thereAndBack(place, count, target => watchShare(place, target))
}

/** A real Ollama, which loads and unloads in place. */
export async function ollamaSwitches(place: Place, count: number): Promise<Switch[]> {
  const { namespace } = ollama
  await openNamespace(place.api, namespace)
  const env = { OLLAMA_MODELS: '/models/ollama', OLLAMA_HOST: '0.0.0.0:11434' }
  await create(place.api, [
    claim(namespace, 'models'),
    service(namespace, 'ollama', 11434),
    deployment({ namespace, name: 'ollama', image: imageNames.ollama, port: 11434, ...claimName, env }),
    runtime(namespace, ollama.runtime, {
      engine: 'Ollama',
      activeModel: 'alpha-ollama',
      kubernetes: { deploymentName: 'ollama', serviceName: 'ollama' },
    }),
    ...pairFor('Ollama', namespace, ollama.runtime),
  ])
  await untilActive(place.api, namespace, ollama.runtime, 'alpha-ollama')
  return thereAndBack(place, count)
}

type Watch = (target: string) => Promise<() => Promise<Share>>

async function thereAndBack(place: Place, count: number, watch?: Watch): Promise<Switch[]> {
  const { api, cluster } = place
  const { namespace, runtime, suffix } = watch ? { ...vllm, suffix: '' } : { ...ollama, suffix: '-ollama' }
  await untilQuiet(place, 6)
  const done: Switch[] = []
  for (let n = 0; n < count; n++) {
    const target = `${n % 2 ? 'alpha' : 'beta'}${suffix}`
    const shareOf = await watch?.(target)
    const from = Date.now()
    await activate(api, namespace, runtime, target)
    await untilActive(api, namespace, runtime, target)
    await untilQuiet(place)
    const writes = countByName(operatorWrites(cluster, { from, to: Date.now() }, namespace))
    done.push(shareOf ? { writes, share: await shareOf() } : { writes })
  }
  return done
}

/** Begins to watch the Runtime; the answer, asked for after the switch, reads the rest from the logs. */
async function watchShare(place: Place, target: string): Promise<() => Promise<Share>> {
  const { cluster } = place
  const args = ['get', 'runtime', vllm.runtime, '-n', vllm.namespace, '--watch', '-o', 'json']
  const kubectl = join(cluster.data.bin, 'kubectl')
  const env = { KUBECONFIG: cluster.kubeconfigPath }
  const child = execa(kubectl, [...args, '--output-watch-events'], { env, reject: false, buffer: false })
  let seenAt: number | undefined
  let rest = ''
  const begun = new Promise<void>(next => child.stdout.once('data', () => next()))
  child.stdout.on('data', chunk => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    if (lines.some(line => line.trim() && isActive(JSON.parse(line).object, target))) seenAt ??= Date.now()
  })
  await begun
  return async () => {
    child.kill()
    if (seenAt === undefined) throw new Error(`the watch never showed ${target} as active`)
    return readShare(place, seenAt)
  }
}

async function readShare(place: Place, seenAt: number): Promise<Share> {
  const events = place.cluster.auditEvents().filter(event => isWrite(event) && received(event) <= seenAt)
  const spec = last(events, isSpecChange)
  const order = events.find(event => isOrder(event) && received(event) >= received(spec))
  const ready = last(events, isStatusWrite)
  const pod = await enginePod(place)
  const kubelet = last(events, event => isPodStatus(event, pod.metadata.name))
  if (!order) throw new Error('the audit log has no patch of the Deployment after the change of the spec')
  return {
    order: Math.round(received(order) - answered(spec)),
    fromEngine: Math.round(answered(ready) - (await readyStamp(place, pod.metadata.name))),
    fromKubelet: Math.round(answered(ready) - answered(kubelet)),
  }
}

function last(events: readonly AuditEvent[], isIt: (event: AuditEvent) => boolean): AuditEvent {
  const found = events
    .filter(isIt)
    .sort((a, b) => answered(a) - answered(b))
    .at(-1)
  if (!found) throw new Error(`the audit log lacks what ${isIt.name || 'the bench'} looks for`)
  return found
}

const isOfRuntime = ({ objectRef }: AuditEvent): boolean =>
  objectRef?.resource === 'runtimes' &&
  objectRef.namespace === vllm.namespace &&
  objectRef.name === vllm.runtime

const isSpecChange = (event: AuditEvent): boolean =>
  isOfRuntime(event) && !event.objectRef?.subresource && !isByOperator(event)

const isStatusWrite = (event: AuditEvent): boolean =>
  isOfRuntime(event) && event.objectRef?.subresource === 'status' && isByOperator(event)

const isOrder = (event: AuditEvent): boolean =>
  isByOperator(event) &&
  event.objectRef?.resource === 'deployments' &&
  event.objectRef.namespace === vllm.namespace

const isPodStatus = ({ objectRef, user }: AuditEvent, pod: string): boolean =>
  user.username.startsWith('system:node:') &&
  objectRef?.resource === 'pods' &&
  objectRef.subresource === 'status' &&
  objectRef.name === pod

async function enginePod({ api }: Place): Promise<Seen> {
  const path = `/api/v1/namespaces/${vllm.namespace}/pods?labelSelector=app%3Dvllm`
  const { items } = (await api.request('GET', path)) as Seen
  const [pod] = items.filter((one: Seen) => one.status.phase === 'Running' && !one.metadata.deletionTimestamp)
  return pod
}

/** The stand-in prints when its port opened; its clock is the machine's own. */
async function readyStamp({ cluster }: Place, pod: string): Promise<number> {
  const log = await cluster.kubectl(['logs', pod, '-n', vllm.namespace])
  const line = log.split('\n').find(each => each.includes('"stamp":"ready"'))
  if (!line) throw new Error(`pod ${pod} printed no stamp "ready"`)
  return (JSON.parse(line) as { wall: number }).wall
}
