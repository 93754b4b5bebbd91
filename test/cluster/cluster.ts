// A whole Kubernetes cluster on this machine for one test run: real control plane, real nodes, own network.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { openApi } from './api-client.ts'
import { type AttachedCluster, attachCluster, type ClusterData } from './attached.ts'
import { awaitNode, type NodeWorld, prepareNode, startEngine, startKubelet } from './cluster-node.ts'
import {
  awaitApi,
  awaitControllers,
  makeControlPlaneKeys,
  startControllersAndScheduler,
  startEtcdAndApi,
} from './control-plane.ts'
import { claimInstance, cleanLeftovers, type Instance } from './instance.ts'
import type { NodePlan } from './node-settings.ts'
import { type Keys, makeKeys } from './pki.ts'
import { ensurePrograms } from './programs.ts'
import { startProvisioner } from './provisioner.ts'

export type ClusterOptions = {
  readonly nodes: readonly {
    readonly name: string
    readonly gpus?: number
    readonly labels?: Readonly<Record<string, string>>
  }[]
  /** Kept after stop; a temporary folder that stop removes when absent. Must be new or empty. */
  readonly stateDir?: string
  /** On unless false. */
  readonly auditLog?: boolean
  /** How long a silent node counts as Ready, e.g. `8s`; Kubernetes' own 50 s when absent. */
  readonly nodeMonitorGrace?: string
}

export type Cluster = AttachedCluster & {
  /** What another process needs for `attachCluster`. */
  readonly data: ClusterData
  /** Ends every process and removes every interface, cgroup and file; may be called twice. */
  stop(): Promise<void>
}

/** About ten seconds. The processes end with this one, however it ends; the next start removes the rest. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const programs = await ensurePrograms()
  const { instance, hold } = await claimInstance(options.stateDir)
  let stopProvisioner = async () => {}
  const stop = async () => {
    await stopProvisioner()
    await cleanLeftovers(instance.number)
    await hold.release()
  }
  try {
    const data = await makeData(instance, options, programs)
    stopProvisioner = await startAll(data, options)
    return { ...attachCluster(data), data, stop }
  } catch (error) {
    if (!process.env['SWITCHYARD_KEEP_FAILED_CLUSTER']) await stop()
    throw error
  }
}

async function makeData(
  instance: Instance,
  options: ClusterOptions,
  programs: { bin: string; pauseImage: string },
): Promise<ClusterData> {
  const nodes = options.nodes.map(
    (node, n): NodePlan => ({
      name: node.name,
      index: n + 1,
      gpus: node.gpus ?? 0,
      labels: node.labels ?? {},
      shortLease: options.nodeMonitorGrace !== undefined,
    }),
  )
  return {
    instance,
    nodes,
    bin: programs.bin,
    pauseImage: programs.pauseImage,
    kubeconfigPath: join(instance.stateDir, 'admin.kubeconfig'),
    auditLogPath: join(instance.stateDir, 'audit.log'),
  }
}

async function startAll(data: ClusterData, options: ClusterOptions): Promise<() => Promise<void>> {
  const { instance } = data
  const settings = {
    bin: data.bin,
    nodeMonitorGrace: options.nodeMonitorGrace ?? '50s',
    ...(options.auditLog === false ? {} : { auditLog: data.auditLogPath }),
  }
  mkdirSync(instance.stateDir, { recursive: true })
  const keys = await makeKeys(instance.stateDir)
  await makeControlPlaneKeys(instance, keys, data.kubeconfigPath)
  await makeBridge(instance)
  startEtcdAndApi(instance, keys, settings)
  const engines = startEngines(data, keys)
  engines.catch(() => undefined)
  const api = openApi(join(instance.stateDir, 'harness.kubeconfig'))
  await awaitApi(instance, api)
  startControllersAndScheduler(instance, keys, settings)
  const provisioner = await startProvisioner(api, instance)
  await engines
  for (const node of data.nodes) startKubelet(data, node)
  await Promise.all([awaitControllers(instance, api), ...data.nodes.map(node => awaitNode(api, node))])
  return async () => {
    await provisioner.stop()
    await api.close()
  }
}

async function startEngines(world: NodeWorld, keys: Keys): Promise<void> {
  await Promise.all(
    world.nodes.map(async node => {
      await prepareNode(world, node, keys)
      await startEngine(world, node, true)
    }),
  )
}

async function makeBridge({ bridge, hostAddress }: Instance): Promise<void> {
  await execa('ip', ['link', 'add', bridge, 'type', 'bridge'])
  await execa('ip', ['addr', 'add', `${hostAddress}/24`, 'dev', bridge])
  await execa('ip', ['link', 'set', bridge, 'up'])
}
