// How fast a command is beside kubectl, in one run: `--version`, and `get` on a host and on a cluster. Exit code 2 when a goal is missed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { startCluster } from '../test/cluster/cluster.ts'
import { bundle } from './build.ts'

const rounds = 21
const goal = 2
const folder = mkdtempSync(join(tmpdir(), 'switchyard-bench-cli-'))

const models = Array.from({ length: 20 }, (_, at) => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Model',
  metadata: { name: `model-${at}` },
  spec: { source: { huggingFace: { repo: `org/model-${at}` } }, paused: true },
}))

type Words = readonly [string, ...string[]]

const measure = async (
  [program, ...words]: Words,
  env: Readonly<Record<string, string>>,
): Promise<number> => {
  const begun = performance.now()
  await execa(program, words, { env, extendEnv: false })
  return performance.now() - begun
}

const median = (all: readonly number[]): number =>
  all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0

/** In turn, so that a busy second hits them alike; the first round warms caches and does not count. */
const race = async (rows: readonly { words: Words; env: Readonly<Record<string, string>> }[]) => {
  const times: number[][] = rows.map(() => [])
  for (let round = 0; round < rounds; round++)
    for (const [at, { words, env }] of rows.entries()) {
      const took = await measure(words, env)
      if (round > 0) times[at]?.push(took)
    }
  return times.map(median)
}

const cluster = await startCluster({ nodes: [] })
const program = await bundle(join(folder, 'switchyard.mjs'))
const host = { PATH: process.env['PATH'] ?? '', HOME: folder, SWITCHYARD_STATE_FOLDER: join(folder, 'state') }
const daemon = execa(process.execPath, [program, 'host'], {
  env: { ...host, SWITCHYARD_METRICS_ADDRESS: 'off' },
  extendEnv: false,
  reject: false,
})
try {
  const onCluster = { PATH: host.PATH, HOME: folder, KUBECONFIG: cluster.kubeconfigPath }
  const kubectl = join(cluster.data.bin, 'kubectl')
  const file = join(folder, 'models.json')
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: models }))
  const crds = new URL('../crds/', import.meta.url).pathname
  await execa(kubectl, ['create', '-f', crds], { env: onCluster, extendEnv: false })
  await execa(kubectl, ['wait', '--for=condition=Established', 'crd', '--all'], {
    env: onCluster,
    extendEnv: false,
  })
  const ours: Words = [process.execPath, program]
  await execa(kubectl, ['apply', '-f', file], { env: onCluster, extendEnv: false })
  for (let tries = 0; tries < 100; tries++) {
    const { failed } = await execa(ours[0], [program, 'apply', '-f', file], {
      env: host,
      extendEnv: false,
      reject: false,
    })
    if (!failed) break
    await sleep(100)
  }
  const [kubeVersion = 0, version = 0, kubeGet = 0, clusterGet = 0, hostGet = 0] = await race([
    { words: [kubectl, 'version', '--client'], env: onCluster },
    { words: [...ours, '--version'], env: host },
    { words: [kubectl, 'get', 'models'], env: onCluster },
    { words: [...ours, 'get', 'models'], env: onCluster },
    { words: [...ours, 'get', 'models'], env: host },
  ])
  const rows = [
    ['--version', version, kubeVersion],
    ['get models, of a host', hostGet, kubeGet],
    ['get models, of a cluster', clusterGet, kubeGet],
  ] as const
  for (const [what, us, them] of rows)
    console.log(
      `${what.padEnd(26)} ${us.toFixed(0)} ms, kubectl ${them.toFixed(0)} ms: ${(us / them).toFixed(2)} ×`,
    )
  process.exitCode = rows.every(([, us, them]) => us <= goal * them) ? 0 : 2
} finally {
  daemon.kill('SIGTERM')
  await daemon
  await cluster.stop()
  rmSync(folder, { recursive: true, force: true })
}
