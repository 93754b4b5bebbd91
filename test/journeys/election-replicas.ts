// Three operators as processes on this machine, each as a ServiceAccount of its own, so that the audit log tells them apart.
import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AttachedCluster, AuditEvent } from '../cluster/attached.ts'
import { isAlive, type ProcessRecord, startDaemon } from '../cluster/processes.ts'

export const system = 'switchyard-system'
export const watched = 'election'

/** Waits for a condition, with a bound so generous that a loaded machine keeps it. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, withinMs = 60_000) {
  for (const endsAt = performance.now() + withinMs; !(await isSo()); await sleep(25))
    if (performance.now() > endsAt) throw new Error(`it did not come about within ${withinMs} ms: ${what}`)
}

export class Replica {
  readonly user: string
  readonly #name: string
  readonly #cluster: AttachedCluster
  readonly #bundle: string
  readonly #folder: string
  #record: ProcessRecord | undefined
  #starts = 0

  constructor(name: string, cluster: AttachedCluster, at: { bundle: string; folder: string }) {
    this.#name = name
    this.user = `system:serviceaccount:${system}:${name}`
    this.#cluster = cluster
    this.#bundle = at.bundle
    this.#folder = at.folder
  }

  get isAlive(): boolean {
    return isAlive(this.#record)
  }

  get log(): string {
    return readFileSync(join(this.#folder, 'log', `${this.#process}.log`), 'utf8')
  }

  get #process(): string {
    return `${this.#name}-${this.#starts}`
  }

  /** With the rights that the chart gives to its own ServiceAccount, and none beside. */
  async register(): Promise<void> {
    const subject = { kind: 'ServiceAccount', name: this.#name, namespace: system }
    const bind = (kind: string, role: string, metadata: object) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: `${kind}Binding`,
      metadata: { name: `${role}-${this.#name}`, ...metadata },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: role },
      subjects: [subject],
    })
    const items = [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: this.#name, namespace: system } },
      bind('ClusterRole', 'switchyard', {}),
      bind('Role', 'switchyard-lease', { namespace: system }),
    ]
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
    await this.#cluster.kubectl(['apply', '-f', '-'], { input })
    const token = await this.#cluster.kubectl(['create', 'token', this.#name, '-n', system, '--duration=1h'])
    const { clusters } = JSON.parse(
      await this.#cluster.kubectl(['config', 'view', '--raw', '-o', 'json']),
    ) as { clusters: readonly { name: string }[] }
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters,
      users: [{ name: 'us', user: { token } }],
      contexts: [{ name: 'us', context: { cluster: clusters[0]?.name, user: 'us' } }],
      'current-context': 'us',
    }
    writeFileSync(this.#kubeconfig, JSON.stringify(config), { mode: 0o600 })
  }

  get #kubeconfig(): string {
    return join(this.#folder, `${this.#name}.kubeconfig`)
  }

  /** Returns when its caches are warm. */
  async start(): Promise<void> {
    this.#starts++
    this.#record = startDaemon(this.#folder, {
      name: this.#process,
      argv: [process.execPath, this.#bundle, 'operator'],
      diesWithParent: true,
      env: {
        KUBECONFIG: this.#kubeconfig,
        POD_NAME: this.#name,
        POD_NAMESPACE: system,
        SWITCHYARD_WATCH_NAMESPACE: watched,
        SWITCHYARD_WORKER_IMAGE: 'none',
        SWITCHYARD_HEALTH_PORT: '0',
        SWITCHYARD_METRICS_PORT: '0',
      },
    })
    await until(`the caches of ${this.#name} are warm`, () => this.log.includes('caches are warm'))
  }

  /** Exactly this process: by its id and start time. */
  signal(signal: NodeJS.Signals): void {
    if (isAlive(this.#record)) process.kill(this.#record.pid, signal)
  }
}

/** What the API server audited since this was made. */
export class AuditTail {
  readonly #path: string
  readonly #from: number

  constructor(path: string) {
    this.#path = path
    this.#from = statSync(path).size
  }

  events(): AuditEvent[] {
    const length = statSync(this.#path).size - this.#from
    const bytes = Buffer.alloc(length)
    const file = openSync(this.#path, 'r')
    readSync(file, bytes, 0, length, this.#from)
    closeSync(file)
    const lines = bytes.toString().split('\n').slice(0, -1)
    return lines.map(line => JSON.parse(line) as AuditEvent)
  }
}

const isRead = ({ verb }: AuditEvent): boolean => ['get', 'list', 'watch'].includes(verb)
/** Nodes have Leases too. */
const isLease = ({ objectRef }: AuditEvent): boolean =>
  objectRef?.resource === 'leases' && objectRef.namespace === system

export const decidedAt = (event: AuditEvent): number => Date.parse(event.stageTimestamp)
export const isAccepted = ({ responseStatus }: AuditEvent): boolean => (responseStatus?.code ?? 500) < 300
/** Whatever it says, only not about the Lease. */
export const isWrite = (event: AuditEvent): boolean => !isRead(event) && !isLease(event)
export const isLeaseWrite = (event: AuditEvent): boolean => !isRead(event) && isLease(event)
