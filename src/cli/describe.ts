// One object in full, for people: what is wanted, what is true, why not, and what happened.
import { type Condition, reasonNames } from '../domain/conditions.ts'
import { showBytes, showSeconds, showSource } from '../domain/crd-display.ts'
import { textOf } from '../domain/host-reasons.ts'
import type { Model, Runtime } from '../domain/object.ts'
import type { Operation } from '../domain/operation.ts'
import type { Served } from '../domain/runtime.ts'
import type { Client, Happening, Seen } from './client.ts'
import { clean } from './print.ts'
import { tellSwitch } from './status-lines.ts'
import { alignRows, showAge } from './table.ts'

type Pair = readonly [label: string, value: string | undefined]

const pairs = (all: readonly Pair[]): readonly string[] => {
  const told = all.filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '')
  const widest = Math.max(0, ...told.map(([label]) => label.length))
  return told.map(([label, value]) => `${`${label}:`.padEnd(widest + 3)}${clean(value)}`)
}

const indent = (lines: readonly string[]): readonly string[] => lines.map(line => `  ${line}`)
const part = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length > 0 ? [`${title}:`, ...indent(lines)] : []

export interface DescribeWish {
  readonly platform: Client['platform']
  readonly now: Date
  /** oldest first */
  readonly happenings: readonly Happening[]
  readonly owner?: string | undefined
}

export const describeLines = ({ object }: Seen, wish: DescribeWish): readonly string[] => {
  const { metadata, status, spec } = object
  const head: readonly Pair[] = [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Kind', object.kind],
    ['Created', `${metadata.creationTimestamp} (${showAge(metadata.creationTimestamp, wish.now)} ago)`],
    ['Deletion', metadata.deletionTimestamp && `asked at ${metadata.deletionTimestamp}`],
    ['Owned by', wish.owner],
    ['Phase', status.phase],
    [
      'Paused',
      spec.paused ? `yes: switchyard resume ${object.kind.toLowerCase()}/${metadata.name}` : undefined,
    ],
    ['Invalid', object.invalid],
  ]
  return [
    ...pairs([...head, ...(object.kind === 'Runtime' ? runtimePairs(object, wish.now) : modelPairs(object))]),
    ...(object.kind === 'Model' ? part('Copies', (object.status.copies ?? []).map(copyLine)) : []),
    ...part('Conditions', conditionLines((status.conditions ?? []) as readonly Condition[], wish)),
    ...part('Operations', operationLines(status.operations ?? [], wish.now)),
    ...part('Events', eventLines(wish)),
  ]
}

const nameServed = (served: Served | undefined): string =>
  served?.model ?? (served ? 'as it was found' : 'nothing')

const seconds = (from: string, to: string): string => showSeconds((Date.parse(to) - Date.parse(from)) / 1000)

const lastSwitchText = ({ status }: Runtime): string | undefined => {
  const last = status.lastSwitch
  if (!last) return undefined
  const down = last.downtimeMilliseconds
  return [
    `${nameServed(last.from)} → ${last.to?.model ?? 'idle'}: ${last.result}`,
    `took ${seconds(last.startedAt, last.finishedAt)}`,
    ...(down === undefined ? [] : [`nothing answered for ${(down / 1000).toFixed(1)} s`]),
    ...(last.message ? [`${last.reason}: ${last.message}`] : []),
  ].join(', ')
}

const runtimePairs = (runtime: Runtime, now: Date): readonly Pair[] => {
  const { spec, status } = runtime
  const { active, storage } = status
  const wanted = spec.desiredState === 'Idle' ? 'Idle (unloaded)' : (spec.activeModel ?? 'whatever serves')
  return [
    ['Engine', spec.engine],
    ['Strategy', status.strategy],
    ['Wanted', wanted],
    ['Active', active && `${active.model} at ${active.revision.slice(0, 19)}, since ${active.since}`],
    ['Endpoint', active?.endpoint],
    ['Clients say', active && `${active.model} or ${spec.alias}`],
    ['Serving', active ? undefined : status.serving],
    ['Switch', status.switch && tellSwitch(status.switch, now)],
    ['Last switch', lastSwitchText(runtime)],
    ['Storage', storage && storageText(storage)],
  ]
}

const storageText = (storage: NonNullable<Runtime['status']['storage']>): string => {
  const { usedBytes, reservedBytes, quotaBytes } = storage
  const promised = reservedBytes > 0 ? `, ${showBytes(reservedBytes)} promised to downloads` : ''
  return `${showBytes(usedBytes)} of ${quotaBytes === undefined ? 'an unknown quota' : showBytes(quotaBytes)}${promised}`
}

const modelPairs = ({ spec, status }: Model): readonly Pair[] => {
  const { resolved, capabilities: can, progress, failure } = status
  const context = can?.contextLength === undefined ? '' : `, context ${can.contextLength} tokens`
  return [
    ['Source', showSource(spec)],
    ['Revision', resolved?.revision],
    ['Size', resolved && `${showBytes(resolved.bytes)} in ${resolved.files} files, ${resolved.format}`],
    ['Licence', resolved?.licence],
    [
      'Can',
      can && `${can.task ?? 'unknown task'}${context}${can.quantization ? `, ${can.quantization}` : ''}`,
    ],
    [
      'Progress',
      progress &&
        `${progress.percent}%, ${showBytes(progress.bytesDone)} of ${showBytes(progress.bytesTotal)}`,
    ],
    ['Failure', failure && failureText(failure)],
    ['Used by', status.inUseBy?.join(', ')],
  ]
}

const failureText = (failure: NonNullable<Model['status']['failure']>): string => {
  const { reason, message, attempts, retryAt } = failure
  return `${reason}: ${message} (${attempts === 1 ? '1 try' : `${attempts} tries`}${retryAt ? `, again at ${retryAt}` : ''})`
}

const copyLine = (copy: NonNullable<Model['status']['copies']>[number]): string => {
  const where = `${copy.claim}${copy.subPath ? `/${copy.subPath}` : ''}`
  const why = copy.failure ? failureText(copy.failure) : (copy.message ?? '')
  return clean(
    [`${where} (${copy.runtimes.join(', ')})`, copy.phase, copy.origin, copy.path, why]
      .filter(Boolean)
      .join('  '),
  )
}

const conditionLines = (all: readonly Condition[], { now, platform }: DescribeWish): readonly string[] => {
  const rows = all.map(({ type, status, reason, message, lastTransitionTime }) => [
    type,
    status,
    showAge(lastTransitionTime, now),
    `${reason}${message ? `: ${clean(message)}` : ''}`,
  ])
  const ready = all.find(({ type }) => type === 'Ready')
  const reason = ready?.status === 'True' ? undefined : reasonNames.find(name => name === ready?.reason)
  const todo = reason && textOf(reason, platform).todo
  return [...alignRows(rows), ...(todo ? [`What to do: ${todo}`] : [])]
}

const operationLines = (all: readonly Operation[], now: Date): readonly string[] =>
  alignRows(
    all.map(one => [
      `${showAge(one.startedAt, now)} ago`,
      one.type,
      one.phase,
      one.durationSeconds === undefined ? '' : showSeconds(one.durationSeconds),
      clean(
        [one.from && one.to ? `${one.from} → ${one.to}` : (one.to ?? one.model ?? ''), one.message]
          .filter(Boolean)
          .join(': '),
      ),
    ]),
  )

const eventLines = ({ happenings, now }: DescribeWish): readonly string[] =>
  alignRows(
    happenings
      .slice(-10)
      .map(({ at, type, reason, message }) => [`${showAge(at, now)} ago`, type, reason, clean(message)]),
  )
