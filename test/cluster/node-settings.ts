// The settings files of one node's containerd, kubelet, kube-proxy and pod network.
import { join } from 'node:path'
import { cgroupName, type Instance, nodePodCidr } from './instance.ts'

export type NodePlan = {
  readonly name: string
  /** 1, 2, …: picks the node's addresses. */
  readonly index: number
  readonly gpus: number
  readonly labels: Readonly<Record<string, string>>
  /** The node is told silent soon, so its kubelet must speak more often. */
  readonly shortLease: boolean
}

export type NodeFolders = {
  readonly root: string
  readonly varLib: string
  readonly varLog: string
  readonly network: string
  readonly volumes: string
}

export function foldersOf(instance: Instance, node: string): NodeFolders {
  const root = join(instance.stateDir, 'nodes', node)
  const at = (name: string) => join(root, name)
  return {
    root,
    varLib: at('var-lib'),
    varLog: at('var-log'),
    network: at('net.d'),
    volumes: at('volumes'),
  }
}

// No CAP_SYS_RESOURCE in many containers: restrict_oom_score_adj keeps containerd from asking for it.
export const containerdSettings = (bin: string, folders: NodeFolders) => `version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "localhost/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["${bin}/cni"]
    conf_dir = "${folders.network}"
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "runc"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
        BinaryName = "${bin}/runc"
        SystemdCgroup = false
`

export const kubeletSettings = (instance: Instance, node: NodePlan) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: join(instance.stateDir, 'pki/ca.crt') },
  },
  authorization: { mode: 'Webhook' },
  containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${cgroupName(instance, node.name)}`,
  // Kubernetes 1.35 and newer refuse a machine with cgroup v1 otherwise.
  failCgroupV1: false,
  failSwapOn: false,
  clusterDomain: 'cluster.local',
  resolvConf: join(foldersOf(instance, node.name).root, 'resolv.conf'),
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 99,
  evictionHard: {
    'memory.available': '50Mi',
    'nodefs.available': '1%',
    'imagefs.available': '1%',
    'nodefs.inodesFree': '1%',
  },
  syncFrequency: '10s',
  nodeStatusUpdateFrequency: node.shortLease ? '2s' : '5s',
  nodeLeaseDurationSeconds: node.shortLease ? 8 : 40,
  port: 10250,
  healthzPort: 10248,
  readOnlyPort: 0,
})

export const kubeProxySettings = (instance: Instance, node: NodePlan) => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'nftables',
  clientConnection: { kubeconfig: join(foldersOf(instance, node.name).root, 'kube-proxy.kubeconfig') },
  clusterCIDR: instance.podCidr,
  hostnameOverride: node.name,
  conntrack: { maxPerCore: 0, min: 0 },
})

export const podNetwork = (instance: Instance, node: NodePlan) => ({
  cniVersion: '1.0.0',
  name: 'pod',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      hairpinMode: true,
      ipMasq: false,
      ipam: {
        type: 'host-local',
        dataDir: '/run/cni-ipam',
        ranges: [[{ subnet: nodePodCidr(instance, node.index) }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true }, backend: 'nftables' },
  ],
})
