// What systemd and the kernel tell of a unit of somebody else, and what of it a person should know.
import type { Runtime } from '../../../domain/object.ts'
import type { Problem } from '../../../domain/platform.ts'
import { portOf } from '../serving-render.ts'
import { isListenerOf } from '../sockets.ts'
import { groupPids } from './control-groups.ts'

const properties =
  'LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,InvocationID,ExecMainStartTimestamp,ExecMainStartTimestampMonotonic,Job,DropInPaths,UID,ControlGroup'

export type Properties = Readonly<Record<string, string>>

export interface Sight {
  readonly properties: Properties
  /** of its group as it was looked at: another list is another look */
  readonly pids: string
  readonly isListening: boolean
  readonly at: number
}

export const show = (unit: string): readonly string[] => [
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
export const listens = (found: Properties, port: number): boolean =>
  isListenerOf(port, /^\d+$/.test(found['UID'] ?? '') ? Number(found['UID']) : 0)

export const toSight = (text: string, port: number): Sight => {
  const found = parse(text)
  return { properties: found, pids: pidsOf(found), isListening: listens(found, port), at: Date.now() }
}

export const unitOf = ({ spec }: Runtime): string => spec.host?.unit ?? ''

/** `systemctl` answers for every name: whether there is such a unit, only its LoadState says. */
export const problemsOf = (unit: string, { LoadState }: Properties): readonly Problem[] => {
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

export const whyNotReady = (
  runtime: Runtime,
  { ActiveState, SubState, Result, ExecMainStatus }: Properties,
): string => {
  const unit = unitOf(runtime)
  if (ActiveState === 'active')
    return `unit ${unit} runs, and its account has no socket on port ${portOf(runtime)}`
  if (ActiveState === 'inactive') return `unit ${unit} does not run: systemctl start ${unit}`
  return `unit ${unit} is ${ActiveState}, ${SubState} (${Result}, exit status ${ExecMainStatus})`
}
