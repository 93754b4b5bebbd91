// etcd, API server, controller manager and scheduler of one test cluster, on the host.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiClient } from './api-client.ts'
import type { Instance } from './instance.ts'
import type { Keys } from './pki.ts'
import { findRecord, isAlive, startDaemon } from './processes.ts'

export type ControlPlaneSettings = {
  readonly bin: string
  readonly auditLog?: string
  /** How long a node may be silent before it is NotReady. */
  readonly nodeMonitorGrace: string
}

export async function makeControlPlaneKeys(
  instance: Instance,
  keys: Keys,
  kubeconfig: string,
): Promise<void> {
  const names = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc']
  const addresses = ['127.0.0.1', instance.hostAddress, instance.serviceAddress]
  const alternatives = [...addresses.map(each => `IP:${each}`), ...names.map(each => `DNS:${each}`)].join(',')
  await Promise.all([
    keys.certificate('apiserver', '/CN=kube-apiserver', alternatives),
    keys.certificate('admin', '/O=system:masters/CN=admin'),
    keys.certificate('harness', '/O=system:masters/CN=switchyard-test-harness'),
    keys.certificate('kubelet-client', '/O=system:masters/CN=kube-apiserver-kubelet-client'),
    keys.certificate('controllers', '/CN=system:kube-controller-manager'),
    keys.certificate('scheduler', '/CN=system:kube-scheduler'),
    keys.certificate('kube-proxy', '/CN=system:kube-proxy'),
  ])
  const server = `https://127.0.0.1:${instance.ports.api}`
  keys.writeKubeconfig(kubeconfig, 'admin', server)
  for (const name of ['controllers', 'scheduler', 'harness']) {
    keys.writeKubeconfig(join(instance.stateDir, `${name}.kubeconfig`), name, server)
  }
}

export function startEtcdAndApi(instance: Instance, keys: Keys, settings: ControlPlaneSettings): void {
  const start = (name: string, args: readonly string[]) =>
    startDaemon(instance.stateDir, { name, argv: [join(settings.bin, name), ...args], diesWithParent: true })
  start('etcd', etcdFlags(instance))
  start('kube-apiserver', [...apiFlags(instance, keys), ...auditFlags(instance, settings)])
}

export function startControllersAndScheduler(
  instance: Instance,
  keys: Keys,
  settings: ControlPlaneSettings,
): void {
  const start = (name: string, args: readonly string[]) =>
    startDaemon(instance.stateDir, { name, argv: [join(settings.bin, name), ...args], diesWithParent: true })
  start('kube-controller-manager', controllerFlags(instance, keys, settings))
  start('kube-scheduler', [
    ...identityFlags(join(instance.stateDir, 'scheduler.kubeconfig'), keys),
    `--secure-port=${instance.ports.scheduler}`,
  ])
}

/** Waits until the API server says ready and the default namespace has its ServiceAccount. */
export async function awaitApi(instance: Instance, api: ApiClient): Promise<void> {
  await until(instance, 'kube-apiserver', async () => (await api.status('/readyz')) === 200)
}

export async function awaitControllers(instance: Instance, api: ApiClient): Promise<void> {
  const account = '/api/v1/namespaces/default/serviceaccounts/default'
  await until(instance, 'kube-controller-manager', async () => (await api.status(account)) === 200)
}

async function until(instance: Instance, program: string, done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 90_000
  while (!(await done().catch(() => false))) {
    const log = join(instance.stateDir, 'log', `${program}.log`)
    if (!isAlive(findRecord(instance.stateDir, program)))
      throw new Error(`${program} ended early: see ${log}`)
    if (Date.now() > deadline) throw new Error(`${program} is not ready after 90 s: see ${log}`)
    await new Promise(next => setTimeout(next, 100))
  }
}

// Data of a test cluster need not survive a power cut: no fsync.
const etcdFlags = ({ ports, stateDir }: Instance) => [
  '--name=e',
  `--data-dir=${join(stateDir, 'etcd')}`,
  '--unsafe-no-fsync',
  '--logger=zap',
  '--log-level=warn',
  `--listen-client-urls=http://127.0.0.1:${ports.etcd}`,
  `--advertise-client-urls=http://127.0.0.1:${ports.etcd}`,
  `--listen-peer-urls=http://127.0.0.1:${ports.peer}`,
  `--initial-advertise-peer-urls=http://127.0.0.1:${ports.peer}`,
  `--initial-cluster=e=http://127.0.0.1:${ports.peer}`,
]

const apiFlags = (instance: Instance, keys: Keys) => [
  `--etcd-servers=http://127.0.0.1:${instance.ports.etcd}`,
  `--secure-port=${instance.ports.api}`,
  '--bind-address=0.0.0.0',
  `--advertise-address=${instance.hostAddress}`,
  `--cert-dir=${keys.folder}`,
  `--tls-cert-file=${keys.folder}/apiserver.crt`,
  `--tls-private-key-file=${keys.folder}/apiserver.key`,
  `--client-ca-file=${keys.authority}`,
  '--authorization-mode=Node,RBAC',
  '--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement',
  '--allow-privileged=true',
  '--service-account-issuer=https://kubernetes.default.svc',
  `--service-account-key-file=${keys.folder}/sa.pub`,
  `--service-account-signing-key-file=${keys.folder}/sa.key`,
  `--service-cluster-ip-range=${instance.serviceCidr}`,
  `--kubelet-client-certificate=${keys.folder}/kubelet-client.crt`,
  `--kubelet-client-key=${keys.folder}/kubelet-client.key`,
  '--kubelet-preferred-address-types=InternalIP',
  '--profiling=false',
  '--v=1',
]

function auditFlags(instance: Instance, settings: ControlPlaneSettings): string[] {
  if (!settings.auditLog) return []
  const policy = join(instance.stateDir, 'audit-policy.json')
  writeFileSync(
    policy,
    JSON.stringify({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived'],
      rules: [{ level: 'Metadata' }],
    }),
  )
  return [
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${settings.auditLog}`,
    '--audit-log-maxsize=4096',
    '--audit-log-mode=blocking-strict',
  ]
}

const identityFlags = (kubeconfig: string, keys: Keys) => [
  `--kubeconfig=${kubeconfig}`,
  `--authentication-kubeconfig=${kubeconfig}`,
  `--authorization-kubeconfig=${kubeconfig}`,
  '--bind-address=127.0.0.1',
  `--cert-dir=${keys.folder}`,
  '--leader-elect=false',
  '--profiling=false',
]

const controllerFlags = (instance: Instance, keys: Keys, settings: ControlPlaneSettings) => [
  ...identityFlags(join(instance.stateDir, 'controllers.kubeconfig'), keys),
  `--secure-port=${instance.ports.controllers}`,
  '--use-service-account-credentials=true',
  `--service-account-private-key-file=${keys.folder}/sa.key`,
  `--root-ca-file=${keys.authority}`,
  `--cluster-signing-cert-file=${keys.authority}`,
  `--cluster-signing-key-file=${keys.folder}/ca.key`,
  '--allocate-node-cidrs=false',
  `--cluster-cidr=${instance.podCidr}`,
  `--service-cluster-ip-range=${instance.serviceCidr}`,
  `--node-monitor-grace-period=${settings.nodeMonitorGrace}`,
]
