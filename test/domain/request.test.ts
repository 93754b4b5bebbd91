// What a person asks of a Model or a Runtime: the change of its spec or annotations, and what is told; or why it cannot be asked.
import { describe, expect, it } from 'vitest'
import { Rejected } from '../../src/domain/failure.ts'
import { type RequestName, requestNames, toChange } from '../../src/domain/request.ts'
import type { LastSwitch, RuntimeStatus, SwitchState } from '../../src/domain/runtime.ts'
import { active, aModel, aRuntime, now } from '../builders/seen.ts'

const asked = now.toISOString()
const stamp = (name: string) => ({ [`switchyard.dev/${name}-requested-at`]: asked })
const from = { model: 'qwen', revision: 'r1', recipe: 'x' }
const to = { model: 'llama', revision: 'r2', recipe: 'y' }
const first: SwitchState = {
  id: 's',
  to,
  step: 'Loading',
  startedAt: asked,
  stepSince: asked,
  lastProgressAt: asked,
  attempt: 1,
}
const open: SwitchState = { ...first, from }
const ended = (result: LastSwitch['result'], more: Partial<LastSwitch> = { from }): RuntimeStatus => ({
  lastSwitch: { id: 's', to, result, startedAt: asked, finishedAt: asked, ...more },
})
const gpu = (status: RuntimeStatus = {}, spec = {}) => aRuntime({ status, spec })
const idle = { desiredState: 'Idle' }

const refusal = (ask: () => unknown): Rejected => {
  try {
    ask()
  } catch (error) {
    if (error instanceof Rejected) return error
    throw error
  }
  throw new Error('it was not refused')
}

describe('A request by a stamp', () => {
  it.each<[RequestName, object, string]>([
    ['retry', stamp('retry'), 'Model qwen: tried again now'],
    ['verify', stamp('verify'), 'Model qwen: every byte is hashed again'],
    ['refresh', stamp('refresh'), 'Model qwen: its branch or tag is looked up again'],
    ['reconcile', stamp('reconcile'), 'Model qwen: looked at now'],
  ])('%s of a Model is one annotation', (name, annotations, says) =>
    expect(toChange(name, aModel(), { now })).toStrictEqual({ annotations, says }),
  )

  it.each<[RequestName, object, string]>([
    ['retry', stamp('retry'), 'Runtime gpu: tried again now'],
    ['restore', stamp('restore'), 'Runtime gpu: its originals are given back when it is deleted'],
    ['reconcile', stamp('reconcile'), 'Runtime gpu: looked at now'],
  ])('%s of a Runtime is one annotation', (name, annotations, says) =>
    expect(toChange(name, gpu(), { now })).toStrictEqual({ annotations, says }),
  )

  it('cancel of a Model that is fetched is one annotation', () =>
    expect(toChange('cancel', aModel({ status: { phase: 'Downloading' } }), { now })).toStrictEqual({
      annotations: stamp('cancel'),
      says: 'Model qwen: is cancelled; what was fetched stays, and is used by `switchyard retry`',
    }))
})

describe('A request by the spec', () => {
  it.each([
    ['Model qwen', aModel()],
    ['Runtime gpu', gpu()],
  ])('pauses and resumes the %s', (name, object) => {
    expect(toChange('pause', object, { now })).toStrictEqual({
      spec: { paused: true },
      says: `${name} is paused; nothing of it is changed`,
    })
    expect(toChange('resume', object, { now })).toStrictEqual({
      spec: { paused: false },
      says: `${name} goes on`,
    })
  })

  it('unloads a Runtime', () =>
    expect(toChange('idle', gpu(), { now })).toStrictEqual({
      spec: { desiredState: 'Idle' },
      says: 'Runtime gpu is asked to unload',
    }))

  const serves = { active: active() }
  it.each<[string, ReturnType<typeof gpu>, string, object, string]>([
    ['another', gpu(serves), 'llama', { activeModel: 'llama' }, 'is asked to serve llama'],
    ['the wanted one', gpu(), 'qwen', { activeModel: 'qwen' }, 'is asked to serve qwen'],
    ['the serving one', gpu(serves), 'qwen', { activeModel: 'qwen' }, 'serves qwen already'],
    [
      'the one it leaves',
      gpu({ ...serves, switch: open }),
      'qwen',
      { activeModel: 'qwen' },
      'is asked to serve qwen',
    ],
    [
      'the one that serves still and is not wanted',
      gpu(serves, { activeModel: 'llama' }),
      'qwen',
      { activeModel: 'qwen' },
      'is asked to serve qwen',
    ],
    [
      'one while it is unloaded',
      gpu(serves, idle),
      'qwen',
      { activeModel: 'qwen', desiredState: 'Active' },
      'is asked to serve qwen',
    ],
  ])('activates %s', (_, runtime, model, spec, says) =>
    expect(toChange('activate', runtime, { now, model })).toStrictEqual({
      spec,
      says: `Runtime gpu ${says}`,
    }),
  )

  it.each<[string, ReturnType<typeof gpu>, object, string]>([
    ['a switch that goes on', gpu({ switch: open }), { activeModel: 'qwen' }, 'qwen'],
    ['a committed switch', gpu(ended('Committed')), { activeModel: 'qwen' }, 'qwen'],
    [
      'a committed switch, whatever serves now',
      gpu({ ...ended('Committed'), active: { ...active(), model: 'llama' } }),
      { activeModel: 'qwen' },
      'qwen',
    ],
    [
      'a switch that was rolled back: what serves',
      gpu({ ...ended('RolledBack'), active: { ...active(), model: 'other' } }),
      { activeModel: 'other' },
      'other',
    ],
    ['a switch that failed, when nothing serves', gpu(ended('Failed')), { activeModel: 'qwen' }, 'qwen'],
    [
      'a switch, when it is unloaded',
      gpu(ended('Committed'), idle),
      { activeModel: 'qwen', desiredState: 'Active' },
      'qwen',
    ],
  ])('rolls back %s', (_, runtime, spec, model) =>
    expect(toChange('rollback', runtime, { now })).toStrictEqual({
      spec,
      says: `Runtime gpu is asked to go back to ${model}`,
    }),
  )

  it('cancels a switch: back to what was there', () => {
    expect(toChange('cancel', gpu({ switch: open }), { now })).toStrictEqual({
      spec: { activeModel: 'qwen' },
      says: 'Runtime gpu: the switch is cancelled; it goes back to qwen',
    })
    expect(toChange('cancel', gpu({ switch: first }), { now })).toStrictEqual({
      spec: { activeModel: null },
      says: 'Runtime gpu: the switch is cancelled; it goes back to what was there before',
    })
  })
})

describe('What cannot be asked', () => {
  const both = ['pause', 'resume', 'retry', 'cancel', 'reconcile']
  const ofModel = ['verify', 'refresh']
  const ofRuntime = requestNames.filter(name => ![...both, ...ofModel].includes(name))

  it.each(ofRuntime)('%s of a Model', name => {
    const { reason, message } = refusal(() => toChange(name, aModel(), { now }))
    expect([reason, message]).toEqual([
      'NotSupported',
      'Model qwen is no Runtime: this is asked of a Runtime',
    ])
  })

  it.each(ofModel as RequestName[])('%s of a Runtime', name => {
    const { reason, message } = refusal(() => toChange(name, gpu(), { now }))
    expect([reason, message]).toEqual(['NotSupported', 'Runtime gpu is no Model: this is asked of a Model'])
  })

  const ready = aModel({ status: { phase: 'Ready' } })
  it.each<[string, () => unknown, string, string]>([
    [
      'to activate nothing',
      () => toChange('activate', gpu(), { now }),
      'InvalidSpec',
      'activate needs the name of a Model',
    ],
    [
      'to cancel no switch',
      () => toChange('cancel', gpu(ended('Committed')), { now }),
      'NotSupported',
      'Runtime gpu: no switch runs that could be cancelled',
    ],
    [
      'to cancel no fetch',
      () => toChange('cancel', ready, { now }),
      'NotSupported',
      'Model qwen: nothing is fetched that could be cancelled',
    ],
  ])('%s', (_, ask, reason, message) => {
    const told = refusal(ask)
    expect([told.reason, told.message]).toEqual([reason, message])
  })

  it.each<[string, RuntimeStatus]>([
    ['where nothing was', {}],
    ['in the first switch', { switch: first }],
    ['from a first switch', ended('Committed', {})],
    ['from a first switch that failed', ended('Failed', {})],
    ['to what was found there', ended('Committed', { from: { recipe: 'AsFound' } })],
  ])('to go back %s', (_, status) => {
    const told = refusal(() => toChange('rollback', gpu(status), { now }))
    expect([told.reason, told.message]).toEqual([
      'SwitchFailed',
      'Runtime gpu: no Model is known to have served before; name one: switchyard activate MODEL --on gpu',
    ])
  })
})
