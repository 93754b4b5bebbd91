// How each program of the test cluster is built from the Go module proxy: module folder, packages, flags.
export type GoBuild = {
  readonly output: string
  readonly package: string
  readonly tags?: string
  readonly cgo?: boolean
  readonly ldflags?: string
}

export type ProgramGroup = {
  readonly name: string
  /** A folder beside this file that holds go.mod, go.sum and perhaps sources. */
  readonly module: string
  /** The module whose version is the program's version. */
  readonly versionOf: string
  readonly cost: string
  readonly builds: (version: string) => readonly GoBuild[]
}

/** One program, called by six names: a third of the disk and half of the build time of six programs. */
export const kubernetesPrograms = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
] as const

const kubernetesVersionFlags = (version: string) =>
  ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
    .flatMap(where => [
      `-X ${where}.gitVersion=${version}`,
      `-X ${where}.gitMajor=1`,
      `-X ${where}.gitMinor=${version.split('.')[1]}`,
      `-X ${where}.gitTreeState=clean`,
      `-X ${where}.buildDate=1970-01-01T00:00:00Z`,
    ])
    .join(' ')

const kubernetes: ProgramGroup = {
  name: 'kubernetes',
  module: 'kubernetes',
  versionOf: 'k8s.io/kubernetes',
  cost: 'about 6 min, once',
  builds: version => [
    {
      output: 'hyperkube',
      package: './hyperkube',
      tags: 'providerless',
      ldflags: kubernetesVersionFlags(version),
    },
    { output: 'fakegpu', package: './fakegpu' },
  ],
}

const etcd: ProgramGroup = {
  name: 'etcd',
  module: 'etcd',
  versionOf: 'go.etcd.io/etcd/server/v3',
  cost: 'about 40 s, once',
  builds: () => [{ output: 'etcd', package: 'go.etcd.io/etcd/server/v3' }],
}

const containerd: ProgramGroup = {
  name: 'containerd',
  module: 'containerd',
  versionOf: 'github.com/containerd/containerd/v2',
  cost: 'about 70 s, once',
  builds: version =>
    ['containerd', 'containerd-shim-runc-v2', 'ctr'].map(output => ({
      output,
      package: `github.com/containerd/containerd/v2/cmd/${output}`,
      tags: 'no_btrfs,no_devmapper,no_zfs',
      ldflags: `-X github.com/containerd/containerd/v2/version.Version=${version}`,
    })),
}

// Without the seccomp tag (cgo, libseccomp) runc refuses every pod.
const runc: ProgramGroup = {
  name: 'runc',
  module: 'runc',
  versionOf: 'github.com/opencontainers/runc',
  cost: 'about 10 s, once',
  builds: version => [
    {
      output: 'runc',
      package: 'github.com/opencontainers/runc',
      tags: 'seccomp,netgo,osusergo',
      cgo: true,
      ldflags: `-X main.version=${version} -linkmode external -extldflags -static`,
    },
  ],
}

const cniPlugins: ProgramGroup = {
  name: 'CNI plugins',
  module: 'cni',
  versionOf: 'github.com/containernetworking/plugins',
  cost: 'about 5 s, once',
  builds: () =>
    ['main/bridge', 'main/loopback', 'ipam/host-local', 'meta/portmap'].map(path => ({
      output: `cni/${path.split('/')[1]}`,
      package: `github.com/containernetworking/plugins/plugins/${path}`,
    })),
}

const helm: ProgramGroup = {
  name: 'helm',
  module: 'helm',
  versionOf: 'helm.sh/helm/v4',
  cost: 'about 3 min, once',
  builds: version => [
    {
      output: 'helm',
      package: 'helm.sh/helm/v4/cmd/helm',
      ldflags: `-X helm.sh/helm/v4/internal/version.version=${version}`,
    },
  ],
}

/** Two lanes run at once: the long link of Kubernetes leaves one core idle that the second lane uses. */
export const lanes: readonly (readonly ProgramGroup[])[] = [
  [kubernetes],
  [etcd, containerd, runc, cniPlugins, helm],
]
