// A real node of the test cluster: containerd, kubelet, kube-proxy and the pretend GPUs in a box of their own.
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import type { ApiClient } from './api-client.ts'
import { type Box, endBox, findBox, startBox } from './box.ts'
import { cgroupName, type Instance, nodeAddress, nodePodCidr, removeCgroups } from './instance.ts'
import {
  containerdSettings,
  foldersOf,
  kubeletSettings,
  kubeProxySettings,
  type NodePlan,
  podNetwork,
} from './node-settings.ts'
import type { Keys } from './pki.ts'

export type NodeWorld = {
  readonly instance: Instance
  readonly bin: string
  readonly pauseImage: string
  readonly nodes: readonly NodePlan[]
}

/** Settings, keys and folders, once; the node may then be started and killed any number of times. */
export async function prepareNode(world: NodeWorld, node: NodePlan, keys: Keys): Promise<void> {
  const { instance, bin } = world
  const folders = foldersOf(instance, node.name)
  for (const each of [folders.network, folders.volumes, folders.varLog]) mkdirSync(each, { recursive: true })
  for (const each of ['kubelet', 'containerd']) mkdirSync(join(folders.varLib, each), { recursive: true })
  const write = (file: string, value: unknown) =>
    writeFileSync(join(folders.root, file), JSON.stringify(value))
  write('kubelet.json', kubeletSettings(instance, node))
  write('kube-proxy.json', kubeProxySettings(instance, node))
  write('net.d/10-pod.conflist', podNetwork(instance, node))
  writeFileSync(join(folders.root, 'containerd.toml'), containerdSettings(bin, folders))
  writeFileSync(join(folders.root, 'resolv.conf'), '')
  const server = `https://${instance.hostAddress}:${instance.ports.api}`
  await keys.certificate(`node-${node.name}`, `/O=system:nodes/CN=system:node:${node.name}`)
  keys.writeKubeconfig(join(folders.root, 'kubelet.kubeconfig'), `node-${node.name}`, server)
  keys.writeKubeconfig(join(folders.root, 'kube-proxy.kubeconfig'), 'kube-proxy', server)
}

/** Starts the box and the container engine in it; needs no API server yet. */
export async function startEngine(world: NodeWorld, node: NodePlan, diesWithParent: boolean): Promise<void> {
  const { instance } = world
  const box = await startBox(instance.stateDir, node.name, diesWithParent)
  await mountInside(box, world, node)
  await connect(box, world, node)
  await hideKernelSettings(box)
  makeCgroups(cgroupName(instance, node.name))
  const settings = join(foldersOf(instance, node.name).root, 'containerd.toml')
  box.start('containerd', [join(world.bin, 'containerd'), '--config', settings], insidePath(world))
  await awaitSocket(box, node)
  await importInto(world, node.name, world.pauseImage)
}

export function startKubelet(world: NodeWorld, node: NodePlan): void {
  const box = boxOf(world, node.name)
  const root = foldersOf(world.instance, node.name).root
  const env = insidePath(world)
  const labels = Object.entries(node.labels).map(([key, value]) => `${key}=${value}`)
  box.start(
    'kubelet',
    [
      join(world.bin, 'kubelet'),
      `--config=${root}/kubelet.json`,
      `--kubeconfig=${root}/kubelet.kubeconfig`,
      `--hostname-override=${node.name}`,
      `--node-ip=${nodeAddress(world.instance, node.index)}`,
      ...(labels.length > 0 ? [`--node-labels=${labels.join(',')}`] : []),
      '--v=1',
    ],
    env,
  )
  box.start('kube-proxy', [join(world.bin, 'kube-proxy'), `--config=${root}/kube-proxy.json`], env)
  if (node.gpus > 0) box.start('fakegpu', [join(world.bin, 'fakegpu'), '-n', `${node.gpus}`], env)
}

type NodeObject = {
  status?: {
    conditions?: { type: string; status: string }[]
    allocatable?: Record<string, string>
  }
}

/** Ready and its GPUs counted. A node that comes back looks ready until its silence is noticed: `since` tells. */
export async function awaitNode(api: ApiClient, node: NodePlan): Promise<void> {
  const deadline = Date.now() + 90_000
  while (Date.now() < deadline) {
    const seen = (await api.request('GET', `/api/v1/nodes/${node.name}`).catch(() => undefined)) as
      | NodeObject
      | undefined
    const ready = seen?.status?.conditions?.some(each => each.type === 'Ready' && each.status === 'True')
    const gpus = Number(seen?.status?.allocatable?.['nvidia.com/gpu'] ?? 0)
    if (ready && gpus === node.gpus) return
    await new Promise(next => setTimeout(next, 150))
  }
  throw new Error(`node ${node.name} is not ready after 90 s: see the logs ${node.name}-*.log`)
}

export async function killNode(world: NodeWorld, name: string): Promise<void> {
  await endBox(world.instance.stateDir, name)
  await removeCgroups(cgroupName(world.instance, name))
}

/** Imports an image tar into one node's container engine. */
export async function importInto(world: NodeWorld, node: string, tar: string): Promise<void> {
  const box = boxOf(world, node)
  await box.run([join(world.bin, 'ctr'), '-n', 'k8s.io', 'images', 'import', '--local', tar])
}

function boxOf(world: NodeWorld, node: string): Box {
  const box = findBox(world.instance.stateDir, node)
  if (!box) throw new Error(`node ${node} does not run`)
  return box
}

const insidePath = (world: NodeWorld) => ({
  PATH: `${world.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
})

/** The node's own /run, /var/lib and /var/log; all else is the machine's, so host paths mean the same inside. */
async function mountInside(box: Box, { instance }: NodeWorld, node: NodePlan): Promise<void> {
  const folders = foldersOf(instance, node.name)
  const mount = (...args: string[]) => box.run(['mount', ...args])
  await mount('--make-rshared', '/')
  await mount('-t', 'tmpfs', 'tmpfs', '/run')
  for (const [from, to] of [
    [folders.varLib, '/var/lib'],
    [folders.varLog, '/var/log'],
  ] as const) {
    await mount('--bind', from, to)
    await mount('--make-private', to)
    await mount('--make-shared', to)
  }
  await box.run(['mkdir', '-p', '/run/containerd', '/run/netns', '/run/lock', '/run/sysctl'])
  await box.run(['hostname', node.name])
}

/** A cable into the bridge, and a route to the pods of every other node. */
async function connect(box: Box, { instance, nodes }: NodeWorld, node: NodePlan): Promise<void> {
  const outside = `${instance.bridge}v${node.index}`
  const address = nodeAddress(instance, node.index)
  // A killed node's cable goes only when the kernel takes its network namespace down.
  await execa('ip', ['link', 'del', outside], { reject: false })
  await execa('ip', ['link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${box.pid}`])
  await execa('ip', ['link', 'set', outside, 'master', instance.bridge, 'up'])
  const others = nodes.filter(each => each.name !== node.name)
  const inside = [
    'link set lo up',
    `addr add ${address}/24 dev eth0`,
    'link set eth0 up',
    `route add default via ${instance.hostAddress}`,
    ...others.map(
      each => `route add ${nodePodCidr(instance, each.index)} via ${nodeAddress(instance, each.index)}`,
    ),
  ]
  await box.run(['ip', '-batch', '-'], `${inside.join('\n')}\n`)
  await box.run(['tee', '/proc/sys/net/ipv4/ip_forward'], '1')
  await execa('ip', [
    'route',
    'replace',
    nodePodCidr(instance, node.index),
    'via',
    address,
    'dev',
    instance.bridge,
  ])
}

/** The kubelet sets these for the whole kernel: it gets plain files in their place, the machine keeps its own values. */
async function hideKernelSettings(box: Box): Promise<void> {
  const names = [
    'vm/overcommit_memory',
    'vm/panic_on_oom',
    'kernel/panic',
    'kernel/panic_on_oops',
    'kernel/keys/root_maxkeys',
    'kernel/keys/root_maxbytes',
  ]
  for (const name of names.filter(each => existsSync(`/proc/sys/${each}`))) {
    const copy = `/run/sysctl/${name.replaceAll('/', '_')}`
    writeFileSync(`/proc/${box.pid}/root${copy}`, readFileSync(`/proc/sys/${name}`))
    await box.run(['mount', '--bind', copy, `/proc/sys/${name}`])
  }
}

/** cgroup v1 (also beside an empty v2 tree): one group per controller; a cpuset must be told its processors first. */
function makeCgroups(name: string): void {
  const controllers = globSync('/sys/fs/cgroup/*/').map(path => path.replace(/\/$/, ''))
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) {
    mkdirSync(`/sys/fs/cgroup/${name}`, { recursive: true })
    return
  }
  for (const controller of controllers.filter(each => basename(each) !== 'unified')) {
    mkdirSync(join(controller, name), { recursive: true })
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const own = join(controller, name, file)
      if (existsSync(own)) writeFileSync(own, readFileSync(join(controller, file)))
    }
  }
}

async function awaitSocket(box: Box, node: NodePlan): Promise<void> {
  const socket = `/proc/${box.pid}/root/run/containerd/containerd.sock`
  for (let n = 0; n < 600 && !existsSync(socket); n++) await new Promise(next => setTimeout(next, 50))
  if (!existsSync(socket))
    throw new Error(`containerd of node ${node.name} did not start: see ${node.name}-containerd.log`)
}
