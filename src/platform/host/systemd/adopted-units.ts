// An Ollama that is a unit of somebody else: systemd says whether it is there and runs, the journal what it told, and nothing is done to it
// but through its API. No right is needed for that.
import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import { NotSupported } from '../../../domain/failure.ts'
import { type Runtime, toKey } from '../../../domain/object.ts'
import type { PodSight, Problem, Servings, ServingView, Wake } from '../../../domain/platform.ts'
import { addressOf, portOf } from '../serving-render.ts'
import { isListenerOf } from '../sockets.ts'
import { groupPids } from './control-groups.ts'

const execute = promisify(execFile)

const properties =
  'LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,InvocationID,ExecMainStartTimestamp,UID,ControlGroup'

type Properties = Readonly<Record<string, string>>

interface Sight {
  readonly properties: Properties
  /** of its group as it was looked at: another list is another look */
  readonly pids: string
  readonly isListening: boolean
  readonly at: number
}

const show = (unit: string): readonly string[] => [
  'show',
  '--timestamp=unix',
  '--property',
  properties,
  '--',
  unit,
]

const parse = (text: string): Properties =>
  Object.fromEntries(
    text.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )

const pidsOf = ({ ControlGroup = '' }: Properties): string =>
  ControlGroup === '' ? '' : groupPids(ControlGroup).join(' ')

/** Somebody else's process has files that we cannot look into: who it runs as is all that the kernel tells of a socket. */
const listens = (found: Properties, port: number): boolean =>
  isListenerOf(port, /^\d+$/.test(found['UID'] ?? '') ? Number(found['UID']) : 0)

const toSight = (text: string, port: number): Sight => {
  const found = parse(text)
  return { properties: found, pids: pidsOf(found), isListening: listens(found, port), at: Date.now() }
}

const unitOf = ({ spec }: Runtime): string => spec.host?.unit ?? ''

const nothing = async (): Promise<void> => undefined

/** What a group does not tell: a unit that was made, masked or removed. */
const slowMs = 5_000

export interface AdoptedParts {
  readonly runtimes: () => readonly Runtime[]
  readonly wake: Wake
  readonly onFailure?: (error: unknown) => void
}

export const createAdoptedUnits = (parts: AdoptedParts) => {
  const sights = new Map<string, Sight>()
  const keyOf = (runtime: Runtime): string => `${unitOf(runtime)} ${portOf(runtime)}`
  /** The first look waits for systemd, some milliseconds; every other one has the last sight. */
  const sightOf = (runtime: Runtime): Sight => {
    const known = sights.get(keyOf(runtime)) ?? toSight(lookNow(unitOf(runtime)), portOf(runtime))
    sights.set(keyOf(runtime), known)
    return known
  }
  const refresh = async (runtime: Runtime): Promise<void> => {
    const before = sights.get(keyOf(runtime))
    if (!before || isSame(before, portOf(runtime))) return
    const { stdout } = await execute('systemctl', show(unitOf(runtime)))
    const now = toSight(stdout, portOf(runtime))
    sights.set(keyOf(runtime), now)
    if (storyOf(now) !== storyOf(before)) parts.wake(toKey('Runtime', runtime.metadata), false)
  }
  const timer = setInterval(() => {
    for (const runtime of parts.runtimes())
      if (runtime.spec.host?.unit !== undefined) refresh(runtime).catch(error => parts.onFailure?.(error))
  }, 1_000)
  timer.unref()
  return { servings: servingsOf(sightOf), stop: (): void => clearInterval(timer) }
}

const lookNow = (unit: string): string => {
  try {
    return execFileSync('systemctl', show(unit), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return 'LoadState=unknown\n'
  }
}

const isSame = ({ properties: found, pids, isListening, at }: Sight, port: number): boolean =>
  Date.now() - at < slowMs && pidsOf(found) === pids && listens(found, port) === isListening

const storyOf = ({ properties: found, isListening }: Sight): string => JSON.stringify([found, isListening])

type Look = (runtime: Runtime) => Sight

const servingsOf = (sightOf: Look): Omit<Servings, 'watch'> => ({
  observe: runtime => toView(runtime, sightOf(runtime)),
  prepare: nothing,
  apply: nothing,
  revert: nothing,
  scale: async runtime => {
    throw new NotSupported(`${unitOf(runtime)} is a unit of somebody else: it is neither started nor ended`)
  },
  setInService: async runtime => {
    throw new NotSupported(
      `${unitOf(runtime)} is a unit of somebody else: its clients are not ours to turn away`,
    )
  },
  restore: nothing,
  release: nothing,
  logs: async (runtime, pod, lines) =>
    toView(runtime, sightOf(runtime)).pods[0]?.name === pod ? logsOf(unitOf(runtime), lines) : [],
})

const logsOf = async (unit: string, lines: number): Promise<readonly string[]> => {
  const words = ['--unit', unit, '--lines', String(lines), '--output', 'cat', '--quiet', '--no-pager']
  const { stdout } = await execute('journalctl', words, { maxBuffer: 64 * 1024 * 1024 })
  return stdout.split('\n').slice(0, -1)
}

const toView = (runtime: Runtime, sight: Sight): ServingView => {
  const exists = sight.properties['LoadState'] === 'loaded'
  return {
    origin: 'Adopted',
    exists,
    problems: problemsOf(unitOf(runtime), sight.properties),
    container: { command: [], args: [], env: {}, port: portOf(runtime) },
    replicas: exists ? 1 : 0,
    isExclusive: true,
    isPrepared: true,
    isSettled: true,
    pods: exists ? [podOf(runtime, sight)] : [],
    ...(exists ? { endpoint: addressOf(runtime) } : {}),
  }
}

/** `systemctl` answers for every name: whether there is such a unit, only its LoadState says. */
const problemsOf = (unit: string, { LoadState }: Properties): readonly Problem[] => {
  if (LoadState === 'loaded') return []
  const said: Readonly<Record<string, string>> = {
    'not-found': `unit ${unit} does not exist: install it, or name another one in spec.host.unit`,
    masked: `unit ${unit} is masked: systemctl unmask ${unit}`,
    unknown: 'systemd does not answer: host.unit is for a machine that it runs on; host.url is not',
  }
  const message =
    said[LoadState ?? ''] ?? `unit ${unit} cannot be loaded (${LoadState}): systemctl status ${unit}`
  return [{ reason: 'DeploymentNotFound', message }]
}

const podOf = (runtime: Runtime, { properties: found, isListening }: Sight): PodSight => {
  const { ActiveState, InvocationID = '', NRestarts = '0', ExecMainStartTimestamp = '' } = found
  const isRunning = ActiveState === 'active'
  const isReady = isRunning && isListening
  const seconds = Number(ExecMainStartTimestamp.replace('@', ''))
  return {
    uid: InvocationID || `${runtime.metadata.uid}-unit`,
    name: `${runtime.metadata.name}-${Number(NRestarts) + 1}`,
    address: addressOf(runtime),
    isReady,
    isRunning,
    isLeaving: ActiveState === 'deactivating',
    isInService: isReady,
    restarts: Number(NRestarts),
    createdAt: seconds > 0 ? new Date(seconds * 1_000).toISOString() : runtime.metadata.creationTimestamp,
    ...(isReady ? {} : { problem: { reason: 'EngineUnreachable', message: whyNotReady(runtime, found) } }),
  }
}

const whyNotReady = (
  runtime: Runtime,
  { ActiveState, SubState, Result, ExecMainStatus }: Properties,
): string => {
  const unit = unitOf(runtime)
  if (ActiveState === 'active')
    return `unit ${unit} runs, and its account has no socket on port ${portOf(runtime)}`
  if (ActiveState === 'inactive') return `unit ${unit} does not run: systemctl start ${unit}`
  return `unit ${unit} is ${ActiveState}, ${SubState} (${Result}, exit status ${ExecMainStatus})`
}
