// The state of everything in a few lines: a block per Runtime with what serves and the switch that runs, a line per Model with its bar.
import { findCondition } from '../domain/conditions.ts'
import { showBytes, showSeconds } from '../domain/crd-display.ts'
import type { Model, Runtime } from '../domain/object.ts'
import type { SwitchState } from '../domain/runtime.ts'
import { drawBar } from './bar.ts'
import { clean, type Tint } from './print.ts'

export interface StatusWish {
  readonly runtimes: readonly Runtime[]
  readonly models: readonly Model[]
  readonly now: Date
  readonly tint: (tint: Tint, text: string) => string
}

/** Their line tells what they do. */
const selfTold = ['Switching', 'SwitchDue', 'RollingBack']
const busy = [
  'Resolving',
  'Queued',
  'Downloading',
  'Verifying',
  'Switching',
  'SwitchDue',
  'WaitingForModel',
  'Deleting',
]
const calm = ['Active', 'Ready', 'Observing', 'Idle', 'Paused']

const tintOf = (phase: string): Tint => {
  if (calm.includes(phase)) return phase === 'Active' || phase === 'Ready' ? 'good' : 'dim'
  return busy.includes(phase) ? 'busy' : 'bad'
}

const phaseOf = ({ status }: Model | Runtime): string => status.phase ?? 'New'

/** Why it is not ready, when that is not told by the line itself. */
const trouble = (object: Model | Runtime): string => {
  const phase = phaseOf(object)
  const ready = findCondition(object.status.conditions as never, 'Ready')
  if (!ready || ready.status === 'True' || ready.reason === phase) return ''
  return calm.includes(phase) || selfTold.includes(phase) ? '' : `${ready.reason}: ${clean(ready.message)}`
}

export const statusLines = (wish: StatusWish): readonly string[] => {
  const { runtimes, models, tint } = wish
  if (runtimes.length + models.length === 0)
    return ['Nothing is here yet. Write a Model and a Runtime, then: switchyard apply -f FILE']
  const all: readonly (Model | Runtime)[] = [...runtimes, ...models]
  const widest = Math.max(...all.map(({ metadata }) => metadata.name.length))
  const head = (object: Model | Runtime): string => {
    const phase = phaseOf(object)
    return `${tint('bold', object.metadata.name.padEnd(widest))}  ${tint(tintOf(phase), phase.padEnd(11))}`
  }
  const why = (object: Model | Runtime): readonly string[] => {
    const text = trouble(object)
    return text ? [`${' '.repeat(widest + 4)}${tint('dim', text)}`] : []
  }
  const block = (title: string, list: readonly (Model | Runtime)[], tell: (one: never) => string) =>
    list.length === 0
      ? []
      : [
          tint('dim', title),
          ...list.flatMap(one => [`  ${head(one)}  ${tell(one as never)}`.trimEnd(), ...why(one)]),
        ]
  return [
    ...block('RUNTIMES', runtimes, (one: Runtime) => tellRuntime(one, wish.now)),
    ...block('MODELS', models, (one: Model) => tellModel(one)),
  ]
}

const tellRuntime = ({ spec, status }: Runtime, now: Date): string => {
  const { switch: open, active } = status
  if (open) return tellSwitch(open, now)
  if (active) return `${active.model}  ${active.endpoint ?? ''}`
  const wanted = spec.activeModel && spec.desiredState === 'Active' ? `wants ${spec.activeModel}` : ''
  return wanted || (status.serving ? clean(status.serving) : '')
}

export const tellSwitch = (open: SwitchState, now: Date): string => {
  const { from, to, step, percent, message, startedAt, expectedSeconds } = open
  const spent = showSeconds((now.getTime() - Date.parse(startedAt)) / 1000)
  return [
    `${from?.model ?? (from ? 'as found' : 'nothing')} → ${to?.model ?? 'idle'}`,
    step,
    percent === undefined ? '' : `${drawBar(percent)} ${percent}%`,
    expectedSeconds === undefined ? spent : `${spent} of about ${showSeconds(expectedSeconds)}`,
    message ? clean(message) : '',
  ]
    .filter(Boolean)
    .join('  ')
}

const tellModel = ({ status, spec }: Model): string => {
  const { progress, resolved, display } = status
  if (progress && progress.percent < 100) {
    const speed = progress.bytesPerSecond ? `  ${showBytes(progress.bytesPerSecond)}/s` : ''
    const left = progress.etaSeconds === undefined ? '' : `  ${showSeconds(progress.etaSeconds)} left`
    const figures = `${showBytes(progress.bytesDone)} of ${showBytes(progress.bytesTotal)}`
    return `${drawBar(progress.percent)} ${String(progress.percent).padStart(3)}%  ${figures}${speed}${left}`
  }
  const size = resolved ? showBytes(resolved.bytes).padEnd(9) : ''
  return `${size}${display?.source ? clean(display.source) : (spec.source.huggingFace?.repo ?? '')}`
}
