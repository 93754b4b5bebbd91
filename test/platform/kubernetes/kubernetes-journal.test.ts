// The diary in a namespace that is being deleted: nothing is sent, and what was on its way makes no noise.
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { EventRecorder } from '../../../src/platform/kubernetes/kernel/events.ts'
import { KubernetesJournal } from '../../../src/platform/kubernetes/kubernetes-journal.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { aModel } from '../../builders/seen.ts'
import { openWire, refuse } from './kernel/wire.ts'

const note = { type: 'Normal', reason: 'Downloaded', message: 'all bytes are there' } as const

/** An API server that refuses every event for this reason. */
const open = async (cause: string) => {
  let asked = 0
  const lines: string[] = []
  const wire = await openWire((_request, response) => {
    asked++
    refuse(response, 403, { reason: 'Forbidden', details: { causes: [{ reason: cause }] } })
  })
  const log = createLog('info', { write: line => void lines.push(line) })
  const recorder = new EventRecorder(wire.client, { controller: 'c', instance: 'i', log })
  const close = async (): Promise<void> => {
    await recorder.close()
    await wire.close()
  }
  const answered = async (): Promise<void> => {
    for (const endsAt = performance.now() + 5_000; asked === 0; await sleep(2))
      if (performance.now() > endsAt) throw new Error('nobody asked')
  }
  return { recorder, lines, close, answered, asked: () => asked }
}

describe('An event in a namespace that is being deleted', () => {
  it('is not sent when that is known', async () => {
    const { recorder, close, asked } = await open('NamespaceTerminating')
    new KubernetesJournal(recorder, namespace => namespace === 'ai').write(aModel(), note)
    await close()
    expect(asked()).toBe(0)
  })

  it('is dropped without a word when the server says so', async () => {
    const { recorder, lines, close, answered } = await open('NamespaceTerminating')
    new KubernetesJournal(recorder, () => false).write(aModel(), note)
    await answered()
    await close()
    expect(lines).toEqual([])
  })

  it('is told in the log when it is refused for another reason', async () => {
    const { recorder, lines, close, answered } = await open('SomethingElse')
    new KubernetesJournal(recorder, () => false).write(aModel(), note)
    await answered()
    for (const endsAt = performance.now() + 5_000; lines.length === 0 && performance.now() < endsAt; )
      await sleep(2)
    await close()
    expect(lines).toHaveLength(1)
  })
})
