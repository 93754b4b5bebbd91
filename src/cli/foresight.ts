// activate --dry-run: what will happen step by step, what it took last time, and what will be cut.
import { findCondition } from '../domain/conditions.ts'
import { showBytes, showSeconds } from '../domain/crd-display.ts'
import type { Model, Runtime } from '../domain/object.ts'

const isReady = (object: Model | Runtime): boolean =>
  findCondition(object.status.conditions as never, 'Ready')?.status === 'True'

export const foresee = (runtime: Runtime, model: Model): readonly string[] => {
  const { name } = runtime.metadata
  const target = model.metadata.name
  const before = runtime.status.active?.model ?? runtime.status.switch?.from?.model
  const isServed = runtime.status.active?.model === target && !runtime.status.switch
  if (isServed) return [`${name} serves ${target} already: nothing will happen.`]
  const open = runtime.status.switch
  if (open?.from?.model === target)
    return [
      `${name} is on its way from ${target} to ${open.to?.model ?? 'idle'} (${open.step}): that switch is turned round, and ${target} serves again.`,
      ...lastTime(runtime, target),
    ]
  return [
    `${name} ${before ? `serves ${before}` : 'serves no model that Switchyard proved'}. To serve ${target} it will:`,
    ...steps(runtime, model, before).map((step, at) => `  ${at + 1}. ${step}`),
    ...cuts(runtime, before),
    ...lastTime(runtime, target),
    ...warnings(runtime, model),
  ]
}

const steps = (runtime: Runtime, model: Model, before: string | undefined): readonly string[] => {
  const { spec, status } = runtime
  const { drainSeconds } = spec.switch
  const isInPlace = (status.strategy ?? (spec.engine === 'Ollama' ? 'InPlace' : 'Recreate')) === 'InPlace'
  const task = model.status.capabilities?.task ?? 'Chat'
  const drain = isInPlace
    ? 'unload what is loaded; a request that runs then is cut'
    : `let running requests end, at most ${showSeconds(drainSeconds)}, then end the engine`
  return [
    fetching(runtime, model, before),
    ...(before || status.serving ? [drain] : []),
    isInPlace
      ? `load ${model.metadata.name} into the running engine`
      : `start the engine with ${model.metadata.name}`,
    spec.proof.mode === 'ListOnly'
      ? 'prove that it is listed'
      : `prove it by its bytes and an answer (${task})`,
    wayBack(runtime, before),
  ]
}

const fetching = (runtime: Runtime, model: Model, before: string | undefined): string => {
  const { resolved, progress, copies } = model.status
  const isHere = copies?.some(copy => copy.phase === 'Ready' && copy.runtimes.includes(runtime.metadata.name))
  if (isHere)
    return `check ${model.metadata.name} (${resolved ? showBytes(resolved.bytes) : 'size unknown'}, verified here)`
  const meanwhile = before ? `; ${before} keeps serving meanwhile` : ''
  const eta = progress?.etaSeconds === undefined ? '' : `, ${showSeconds(progress.etaSeconds)} to go`
  const size = resolved ? ` ${showBytes(resolved.bytes)}` : ''
  return `fetch and verify${size}${progress ? ` (${progress.percent}% there${eta})` : ''}${meanwhile}`
}

const wayBack = ({ spec }: Runtime, before: string | undefined): string => {
  if (spec.switch.onFailure === 'Stop')
    return 'if that fails: stop and leave it to you (switch.onFailure: Stop)'
  return before
    ? `if that fails: go back to ${before} by itself`
    : 'if that fails: nothing serves; there is no model to go back to'
}

const cuts = ({ spec, status }: Runtime, before: string | undefined): readonly string[] => {
  if (!before && !status.serving) return ['Cut: nothing; no request can be running.']
  const late =
    status.strategy === 'InPlace'
      ? 'requests that run when it unloads'
      : `requests that run longer than ${showSeconds(spec.switch.drainSeconds)}`
  return [`Cut: ${late}. From then until the proof nothing answers.`]
}

const lastTime = ({ status }: Runtime, target: string): readonly string[] => {
  const known = status.operations?.find(
    ({ type, phase, to }) => type === 'Activate' && phase === 'Succeeded' && to === target,
  )
  const any = status.operations?.find(({ type, phase }) => type === 'Activate' && phase === 'Succeeded')
  const one = known ?? any
  if (one?.durationSeconds === undefined) return ['Last time: no switch is on record here.']
  const whose = known ? '' : ` (to ${one.to ?? 'another model'}; ${target} was not served here before)`
  const down =
    one.downtimeMilliseconds === undefined
      ? ''
      : `, nothing answered for ${(one.downtimeMilliseconds / 1000).toFixed(1)} s`
  return [`Last time: it took ${showSeconds(one.durationSeconds)}${down}${whose}, on ${one.startedAt}.`]
}

/** What hinders it now, when a person must act or something is missing. */
const hindrance = (runtime: Runtime): readonly string[] => {
  const { phase, conditions } = runtime.status
  const ready = findCondition(conditions as never, 'Ready')
  const isHindered = ready?.status === 'False' && ['Rejected', 'Waiting', 'Failed'].includes(phase ?? '')
  return isHindered ? [`But ${runtime.metadata.name} is ${phase}: ${ready.message} (${ready.reason})`] : []
}

const warnings = (runtime: Runtime, model: Model): readonly string[] => [
  ...hindrance(runtime),
  ...(runtime.spec.paused
    ? [`But ${runtime.metadata.name} is paused: nothing happens until it is resumed.`]
    : []),
  ...(runtime.status.switch ? ['But a switch runs now: it is turned round to this model.'] : []),
  ...(model.spec.paused && !isReady(model)
    ? [`But ${model.metadata.name} is paused: it is not fetched until it is resumed.`]
    : []),
  ...(model.status.phase === 'Failed'
    ? [`But ${model.metadata.name} failed: switchyard describe model/${model.metadata.name}`]
    : []),
]
