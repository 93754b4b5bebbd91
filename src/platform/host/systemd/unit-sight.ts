// What systemd and the kernel tell of a unit of somebody else, and what of it a person should know.
import type { Runtime } from '../../../domain/object.ts'
import type { Problem } from '../../../domain/platform.ts'
import { portOf } from '../serving-render.ts'
import { isListenerOf } from '../sockets.ts'
import { groupPids } from './control-groups.ts'
import { type Scope, systemctl, systemctlNow, systemctlOf } from './scope.ts'

const properties =
  'LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,InvocationID,ExecMainStartTimestamp,ExecMainStartTimestampMonotonic,Job,DropInPaths,UID,ControlGroup'

export type Properties = Readonly<Record<string, string>>

export interface Sight {
  /** whose systemd knows it */
  readonly scope: Scope
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

export const pidsOf = ({ ControlGroup = '' }: Properties): string =>
  ControlGroup === '' ? '' : groupPids(ControlGroup).join(' ')

/** Somebody else's process has files that we cannot look into: who it runs as is all that the kernel tells of a socket. */
export const listens = (
  { scope, properties }: Pick<Sight, 'scope' | 'properties'>,
  port: number,
): boolean => {
  const uid = properties['UID'] ?? ''
  const account = scope === 'user' ? (process.getuid?.() ?? 0) : 0
  return isListenerOf(port, /^\d+$/.test(uid) ? Number(uid) : account)
}

/** A user's own units come before those of the machine that have the same name. */
const order: Record<Scope, readonly Scope[]> = { system: ['system'], user: ['user', 'system'] }

interface Told {
  readonly scope: Scope
  readonly text: string
}

const isThere = ({ text }: Told): boolean => /^LoadState=(?!not-found$)./m.test(text)

const nothingTold: Told = { scope: 'system', text: 'LoadState=unknown\n' }

/** Waits for systemd, some milliseconds. */
export const lookNow = (scope: Scope, unit: string, port: number): Sight => {
  const told = order[scope].map(one => ({ scope: one, text: systemctlNow(one, show(unit)) }))
  return toSight(told.find(isThere) ?? told.findLast(({ text }) => text !== '') ?? nothingTold, port)
}

export const look = async (scope: Scope, unit: string, port: number): Promise<Sight> => {
  let told = nothingTold
  for (const one of order[scope]) {
    told = { scope: one, text: await systemctl(one, show(unit)) }
    if (isThere(told)) break
  }
  return toSight(told, port)
}

const toSight = ({ scope, text }: Told, port: number): Sight => {
  const properties = parse(text)
  const isListening = listens({ scope, properties }, port)
  return { scope, properties, pids: pidsOf(properties), isListening, at: Date.now() }
}

export const unitOf = ({ spec }: Runtime): string => spec.host?.unit ?? ''

/** `systemctl` answers for every name: whether there is such a unit, only its LoadState says. */
export const problemsOf = (unit: string, { scope, properties }: Sight): readonly Problem[] => {
  const { LoadState } = properties
  if (LoadState === 'loaded') return []
  const said: Readonly<Record<string, string>> = {
    'not-found': `unit ${unit} does not exist: install it, or name another one in spec.host.unit`,
    masked: `unit ${unit} is masked: ${systemctlOf(scope)} unmask ${unit}`,
    unknown: 'systemd does not answer: host.unit is for a machine that it runs on; host.url is not',
  }
  const message =
    said[LoadState ?? ''] ??
    `unit ${unit} cannot be loaded (${LoadState}): ${systemctlOf(scope)} status ${unit}`
  return [{ reason: 'DeploymentNotFound', message }]
}

export const whyNotReady = (runtime: Runtime, { scope, properties }: Sight): string => {
  const { ActiveState, SubState, Result, ExecMainStatus } = properties
  const unit = unitOf(runtime)
  if (ActiveState === 'active')
    return `unit ${unit} runs, and its account has no socket on port ${portOf(runtime)}`
  if (ActiveState === 'inactive') return `unit ${unit} does not run: ${systemctlOf(scope)} start ${unit}`
  return `unit ${unit} is ${ActiveState}, ${SubState} (${Result}, exit status ${ExecMainStatus})`
}
