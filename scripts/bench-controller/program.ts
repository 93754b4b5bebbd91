// Runs a bundled program beside the bench and looks at it from outside: its metrics, its memory, its end.
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { operatorFlags } from '../../src/program/node-flags.ts'
import { bundle } from '../build.ts'
import { nodeEnvironment } from '../image.ts'
import { type Stage, system } from './stage.ts'

export interface Operator {
  readonly pid: number
  /** every series by its full name with labels */
  metrics(): Promise<ReadonlyMap<string, number>>
  /** when it has ended, by itself too */
  readonly ended: Promise<unknown>
  /** SIGTERM, and wait */
  stop(): Promise<void>
}

type Environment = Readonly<Record<string, string>>

/** The product's own bundle, as in its image, with the operator's account; returns at once. */
export async function launchOperator(
  stage: Stage,
  { server = stage.cluster.server, ...env }: Environment & { readonly server?: string } = {},
): Promise<Operator> {
  const program = join(stage.cluster.stateDir, 'bench-operator.mjs')
  await bundle(program)
  const [metricsPort, healthPort] = [await freePort(), await freePort()]
  const { pid, stop, child } = runProgram(stage, [...operatorFlags, program, 'operator'], {
    KUBECONFIG: stage.kubeconfigFor(server),
    POD_NAME: 'bench',
    POD_NAMESPACE: system,
    SWITCHYARD_WORKER_IMAGE: 'localhost/none:1',
    SWITCHYARD_METRICS_PORT: String(metricsPort),
    SWITCHYARD_HEALTH_PORT: String(healthPort),
    ...env,
  })
  return { pid, stop, ended: child, metrics: () => scrape(metricsPort) }
}

/** Returns when it leads. */
export async function startOperator(stage: Stage, env: Environment = {}): Promise<Operator> {
  const operator = await launchOperator(stage, env)
  await untilLeading(operator)
  return operator
}

export const untilLeading = (operator: Operator, everyMs = 250): Promise<void> =>
  until('the operator leads', async () => leads(await operator.metrics()), { everyMs })

export const leads = (metrics: ReadonlyMap<string, number>): boolean =>
  [...metrics].some(([name, value]) => name.startsWith('leader_election_master_status') && value === 1)

function runProgram(stage: Stage, args: readonly string[], env: Environment) {
  const log = { file: join(stage.cluster.stateDir, 'log', `program-${Date.now()}.log`) }
  const child = execa(process.execPath, [...profiling(), ...args], {
    env: { ...nodeEnvironment, ...env },
    reject: false,
    stdin: 'ignore',
    stdout: log,
    stderr: log,
    ipc: true,
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`${args[0]} could not be started`)
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await child
  }
  return { pid, stop, child }
}

/** With `BENCH_PROFILE=FOLDER` every program writes a CPU profile there when it ends; its figures are then no figures. */
const profiling = (): readonly string[] => {
  const folder = process.env['BENCH_PROFILE']
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : []
}

export interface Helper<Wish, Answer> {
  readonly pid: number
  /** One answer for each wish. */
  ask(wish: Wish): Promise<Answer>
  stop(): Promise<void>
}

/** A program of the bench, bundled as the product is, that answers messages. */
export async function startHelper<Wish, Answer>(
  stage: Stage,
  entry: string,
  env: Environment,
): Promise<Helper<Wish, Answer>> {
  const program = join(stage.cluster.stateDir, `${entry}.mjs`)
  await bundle(program, fileURLToPath(new URL(`${entry}.ts`, import.meta.url)))
  const { pid, child, stop } = runProgram(stage, ['--expose-gc', program], env)
  const ask = async (wish: Wish): Promise<Answer> => {
    const answer = child.getOneMessage()
    await child.sendMessage(wish as never)
    return (await answer) as Answer
  }
  return { pid, ask, stop }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  await new Promise(done => server.close(done))
  return typeof address === 'object' && address ? address.port : 0
}

async function scrape(port: number): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
  const lines = (await answer.text()).split('\n').filter(line => line && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}

/** Sum of all series of that name whose labels hold the text. */
export const sumOf = (metrics: ReadonlyMap<string, number>, name: string, label = ''): number =>
  [...metrics].reduce(
    (sum, [series, value]) => (series.split('{')[0] === name && series.includes(label) ? sum + value : sum),
    0,
  )

/** Nothing is ready and nobody is busy, three looks in a row. */
export async function untilDrained(operator: Operator): Promise<void> {
  let quiet = 0
  await until('the operator has looked at everything', async () => {
    const metrics = await operator.metrics()
    const left = sumOf(metrics, 'workqueue_depth') + sumOf(metrics, 'controller_runtime_active_workers')
    quiet = left === 0 ? quiet + 1 : 0
    return quiet >= 3
  })
}

/** A look that throws counts as not yet. */
export async function until(
  what: string,
  isSo: () => Promise<boolean>,
  { seconds = 600, everyMs = 250 } = {},
): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  while (!(await isSo().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`)
    await sleep(everyMs)
  }
}
