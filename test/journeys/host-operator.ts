// The operator as a process of this machine, for one namespace, with a kubeconfig of the test's; started again when it ends, as kubelet does.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { bundlePath } from '../../scripts/build.ts'

export interface HostOperator {
  /** how often it ended by itself */
  readonly ends: () => number
  /** its last lines */
  readonly log: () => string
  stop(): Promise<void>
}

export interface OperatorWish {
  readonly namespace: string
  readonly kubeconfig: string
  readonly workerImage: string
  readonly hubUrl: string
  /** another program than the present one */
  readonly program?: string
  /** its name in the Lease */
  readonly name?: string
}

export const startHostOperator = (wish: OperatorWish): HostOperator => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-operator-'))
  const env = environmentOf(wish, folder)
  const stopping = new AbortController()
  const lines: string[] = []
  let ended = 0
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const options = {
        env,
        all: true,
        reject: false,
        cancelSignal: stopping.signal,
        buffer: false,
        // It may take its whole time to end in order.
        forceKillAfterDelay: false,
      } as const
      const child = execa(process.execPath, [wish.program ?? bundlePath, 'operator'], options)
      for await (const line of child.iterable({ from: 'all' })) lines.push(line)
      await child
      if (stopping.signal.aborted) return
      ended++
      await sleep(1_000)
    }
  }
  const running = run()
  return {
    ends: () => ended,
    log: () => lines.slice(-150).join('\n'),
    stop: async () => {
      stopping.abort()
      await running
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const environmentOf = (wish: OperatorWish, folder: string): Record<string, string> => {
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, wish.kubeconfig, { mode: 0o600 })
  return {
    KUBECONFIG: kubeconfig,
    POD_NAME: wish.name ?? 'host-operator',
    POD_NAMESPACE: wish.namespace,
    SWITCHYARD_WATCH_NAMESPACE: wish.namespace,
    SWITCHYARD_WORKER_IMAGE: wish.workerImage,
    SWITCHYARD_WORKER_PULL_POLICY: 'Never',
    SWITCHYARD_WORKER_OVERLAY: JSON.stringify({ dnsPolicy: 'Default' }),
    SWITCHYARD_HUB_ENDPOINT: wish.hubUrl,
    SWITCHYARD_HEALTH_PORT: '0',
    SWITCHYARD_METRICS_PORT: '0',
  }
}
