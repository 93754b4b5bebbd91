// What a person asks of an object beside writing its whole spec: each request is a small change of spec or annotations, on every platform.
import { Rejected } from './failure.ts'
import { canCancel } from './model-cancel.ts'
import { annotations, type Model, type Runtime } from './object.ts'

export const requestNames = [
  'activate',
  'rollback',
  'idle',
  'pause',
  'resume',
  'retry',
  'cancel',
  'verify',
  'refresh',
  'restore',
  'reconcile',
] as const
export type RequestName = (typeof requestNames)[number]

/** A merge patch: `null` removes a field of the spec. */
export interface Change {
  readonly spec?: Readonly<Record<string, unknown>>
  readonly annotations?: Readonly<Record<string, string>>
  /** what was asked for, for people */
  readonly says: string
}

export interface RequestHow {
  readonly now: Date
  /** of activate: name of a Model of the Runtime's namespace */
  readonly model?: string
}

type Ask = (object: Model | Runtime, how: RequestHow) => Change

/** Throws Rejected for what cannot be asked of this object. */
export const toChange = (name: RequestName, object: Model | Runtime, how: RequestHow): Change =>
  asks[name](object, how)

const nameOf = ({ kind, metadata }: Model | Runtime): string => `${kind} ${metadata.name}`

const ofRuntime =
  (ask: (runtime: Runtime, how: RequestHow) => Change): Ask =>
  (object, how) => {
    if (object.kind === 'Runtime') return ask(object, how)
    throw new Rejected('NotSupported', `${nameOf(object)} is no Runtime: this is asked of a Runtime`)
  }

const ofModel =
  (ask: Ask): Ask =>
  (object, how) => {
    if (object.kind === 'Model') return ask(object, how)
    throw new Rejected('NotSupported', `${nameOf(object)} is no Model: this is asked of a Model`)
  }

const asking =
  (name: keyof typeof annotations, says: string): Ask =>
  (object, { now }) => ({
    annotations: { [annotations[name]]: now.toISOString() },
    says: `${nameOf(object)}: ${says}`,
  })

const pausing =
  (paused: boolean): Ask =>
  object => ({
    spec: { paused },
    says: `${nameOf(object)} ${paused ? 'is paused; nothing of it is changed' : 'goes on'}`,
  })

/** A Runtime that was unloaded is loaded again. */
const toModel = ({ spec }: Runtime, model: string | null): Readonly<Record<string, unknown>> => ({
  activeModel: model,
  ...(spec.desiredState === 'Idle' ? { desiredState: 'Active' } : {}),
})

const activate = (runtime: Runtime, { model }: RequestHow): Change => {
  if (model === undefined) throw new Rejected('InvalidSpec', 'activate needs the name of a Model')
  const { spec, status } = runtime
  const isWanted = spec.activeModel === model && spec.desiredState === 'Active'
  const isServed = isWanted && status.active?.model === model && !status.switch
  const says = isServed ? `serves ${model} already` : `is asked to serve ${model}`
  return { spec: toModel(runtime, model), says: `${nameOf(runtime)} ${says}` }
}

/** What served before the last switch that was asked for, however it ended. */
const before = ({ status }: Runtime): string | undefined => {
  const { switch: open, lastSwitch, active } = status
  if (open) return open.from?.model
  if (lastSwitch && lastSwitch.result !== 'Committed') return active?.model ?? lastSwitch.from?.model
  return lastSwitch?.from?.model
}

const rollback = (runtime: Runtime): Change => {
  const model = before(runtime)
  if (model === undefined)
    throw new Rejected(
      'SwitchFailed',
      `${nameOf(runtime)}: no Model is known to have served before; name one: switchyard activate MODEL --on ${runtime.metadata.name}`,
    )
  return { spec: toModel(runtime, model), says: `${nameOf(runtime)} is asked to go back to ${model}` }
}

const cancelFetch = (model: Model, how: RequestHow): Change => {
  if (canCancel(model.status))
    return asking('cancel', 'is cancelled; what was fetched stays, and is used by `switchyard retry`')(
      model,
      how,
    )
  throw new Rejected('NotSupported', `${nameOf(model)}: nothing is fetched that could be cancelled`)
}

const cancel: Ask = (object, how) => {
  if (object.kind === 'Model') return cancelFetch(object, how)
  const open = object.status.switch
  if (!open) throw new Rejected('NotSupported', `${nameOf(object)}: no switch runs that could be cancelled`)
  const model = open.from?.model ?? null
  const goes = model === null ? 'what was there before' : model
  return {
    spec: toModel(object, model),
    says: `${nameOf(object)}: the switch is cancelled; it goes back to ${goes}`,
  }
}

const asks: Readonly<Record<RequestName, Ask>> = {
  activate: ofRuntime(activate),
  rollback: ofRuntime(rollback),
  idle: ofRuntime(runtime => ({
    spec: { desiredState: 'Idle' },
    says: `${nameOf(runtime)} is asked to unload`,
  })),
  pause: pausing(true),
  resume: pausing(false),
  retry: asking('retry', 'tried again now'),
  cancel,
  verify: ofModel(asking('verify', 'every byte is hashed again')),
  refresh: ofModel(asking('refresh', 'its branch or tag is looked up again')),
  restore: ofRuntime(asking('restore', 'its originals are given back when it is deleted')),
  reconcile: asking('reconcile', 'looked at now'),
}
