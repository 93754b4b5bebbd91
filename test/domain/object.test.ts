// What other programs and people rely on in an object: names that never change, and requests that are handled once.
import { describe, expect, it } from 'vitest'
import { NotSupported, Rejected, Transient, Waiting } from '../../src/domain/failure.ts'
import { annotations, finalizer, keyOf, parseKey, pendingRequest, toKey } from '../../src/domain/object.ts'
import { aModel, aRuntime } from '../builders/seen.ts'

describe('The key of an object', () => {
  it('is its kind, namespace and name, and can be read back', () => {
    expect(keyOf(aModel())).toBe('Model/ai/qwen')
    expect(keyOf(aRuntime())).toBe('Runtime/ai/gpu')
    expect(parseKey(toKey('Model', { namespace: 'ai', name: 'qwen' }))).toEqual({
      kind: 'Model',
      namespace: 'ai',
      name: 'qwen',
    })
  })
})

describe('What people and other programs write on an object', () => {
  it('has names that never change', () => {
    expect(finalizer).toBe('switchyard.dev/cleanup')
    expect(annotations).toEqual({
      reconcile: 'switchyard.dev/reconcile-requested-at',
      retry: 'switchyard.dev/retry-requested-at',
      refresh: 'switchyard.dev/refresh-requested-at',
      verify: 'switchyard.dev/verify-requested-at',
      cancel: 'switchyard.dev/cancel-requested-at',
      restore: 'switchyard.dev/restore-requested-at',
    })
  })

  it('is a request until status says that it was handled', () => {
    const asked = (value: string, handled?: string) =>
      pendingRequest(
        aModel({
          metadata: { annotations: { [annotations.verify]: value } },
          status: handled === undefined ? {} : { lastHandled: { verify: handled } },
        }),
        'verify',
      )
    expect([asked('1'), asked('2', '1'), asked('1', '1'), asked('')]).toEqual([
      '1',
      '2',
      undefined,
      undefined,
    ])
    expect(pendingRequest(aModel(), 'verify')).toBeUndefined()
  })
})

describe('A failure', () => {
  it('says its class, its reason and, when it waits, for how long', () => {
    expect(new Waiting('Queued', 'm')).toMatchObject({ name: 'Waiting', reason: 'Queued', afterMs: 10_000 })
    expect(new Waiting('Queued', 'm', 5)).toMatchObject({ message: 'm', afterMs: 5 })
    expect(new NotSupported('m')).toMatchObject({
      name: 'NotSupported',
      reason: 'NotSupported',
      message: 'm',
    })
    expect(new Rejected('Policy', 'm')).toMatchObject({ name: 'Rejected', reason: 'Policy' })
    expect(new Transient('Queued', 'm')).toMatchObject({ name: 'Transient', reason: 'Queued' })
  })
})
