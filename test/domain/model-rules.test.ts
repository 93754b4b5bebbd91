import { describe, expect, it } from 'vitest'
import { modelPhases } from '../../src/domain/decision.ts'
import { decideModel, modelRules } from '../../src/domain/model-rules.ts'
import { settleModel } from '../../src/domain/model-settle.ts'
import type { ModelObservation } from '../../src/domain/observation.ts'
import { aCopy, aModel, at, aWork, resolved, seenModel, volume, wanting } from '../builders/seen.ts'
import { expectGolden, tellDecision } from './golden.ts'
import { note, situations, withStatus } from './model-situations.ts'

const decide = (seen: ModelObservation) => decideModel(settleModel(seen))

describe('The rules of a Model', () => {
  it.each(situations)('%s (%s): %s', (phase, reason, _, seen, asked) => {
    const decision = decide(seen)
    const actions = decision.actions.map(action =>
      action.do === 'startWork' ? `startWork ${action.identity.command}` : action.do,
    )
    expect({ phase: decision.phase, reason: decision.reason, actions }).toEqual({
      phase,
      reason,
      actions: [...asked],
    })
  })

  it('say, wait for and ask what their golden text has', () => {
    const told = situations.map(([phase, reason, situation, seen]) =>
      tellDecision(`${phase} (${reason}): ${situation}`, decide(seen)),
    )
    expectGolden('model-rules.txt', told.join('\n'))
  })

  it('have a row for each phase, in the order of the phases', () => {
    expect(modelRules.map(([name]) => name)).toEqual([...modelPhases])
    expect([...modelPhases].filter(phase => !situations.some(([name]) => name === phase))).toEqual([])
  })

  it('stall where a person must act, and only there', () => {
    const stalled = situations.filter(([, , , seen]) => decide(seen).isStalled).map(([phase]) => phase)
    expect([...new Set(stalled)]).toEqual(['Cancelled', 'Rejected', 'Failed', 'Deleting'])
  })
})

describe('A Model that is active in a Runtime whose engine cannot serve it', () => {
  it.each([
    ['an Ollama model, on vLLM', { source: { ollama: { name: 'llama3.2:3b' } } }, 'VLLM', 'Ollama'],
    ['safetensors, on Ollama', {}, 'Ollama', 'Safetensors'],
  ] as const)('is not fetched for it: %s', (_, spec, engine, format) => {
    const model = aModel({ spec, status: { resolved: { ...resolved, format } } })
    const seen = seenModel({ model, runtimes: [{ ...wanting, engine }] })
    const { phase, reason, actions } = decide(seen)
    expect({ phase, reason, actions }).toEqual({ phase: 'Ready', reason: 'NothingWanted', actions: [] })
  })
})

describe('What has ended', () => {
  const done = aWork({
    id: 'done',
    command: 'download',
    subject: `${volume.key}@${resolved.revision}#0`,
    volume: volume.key,
    phase: 'Succeeded',
    endedAt: at(-1),
    result: {
      copy: { receipt: 'r'.repeat(64), bytes: 10e9, bytesFetched: 10e9, bytesReused: 0, path: '/x' },
    },
  })

  it('is folded in once', () => {
    const once = settleModel(withStatus({ resolved, copies: [aCopy({ bytesStored: 0 })] }, { works: [done] }))
    const twice = settleModel(withStatus(once.status, { works: [done] }))
    expect(once.status.settledWorks).toEqual(['done'])
    expect(twice.status).toEqual(once.status)
  })

  it('on a claim that was made anew since is verified there before it counts', () => {
    const before = { ...done, subject: `${done.subject}~uid-before` }
    const facts = settleModel(
      withStatus({ resolved, copies: [aCopy({ claimUID: 'uid-before' })] }, { works: [before] }),
    )
    expect(facts.status.copies?.[0]?.claimUID).toBe('uid-before')
    expect(decideModel(facts)).toMatchObject({ phase: 'Verifying' })
  })

  it('says nothing more when it is seen as running again: by a late cache, or begun once more by a leader of before', () => {
    const { status } = settleModel(withStatus({ resolved, copies: [aCopy()] }, { works: [done] }))
    const { result: _, endedAt: __, ...late } = done
    const decision = decide(withStatus(status, { works: [{ ...late, phase: 'Running' }] }))
    expect(decision).toMatchObject({ phase: 'Ready', actions: [] })
  })

  it('is known also when the controller died before it wrote that it had begun', () => {
    const { status } = settleModel(withStatus({ resolved }, { works: [done] }))
    expect(status.copies).toMatchObject([{ claim: 'models', receipt: 'r'.repeat(64), path: '/x' }])
  })

  it('is forgotten as a failure when the spec was edited', () => {
    const model = aModel({
      status: { observedGeneration: 1, failure: note('NotFound') },
      metadata: { generation: 2 },
    })
    const { status } = settleModel(seenModel({ model }))
    expect({ failure: status.failure, round: status.round }).toEqual({ failure: undefined, round: 1 })
  })

  it('is done once more under another id', () => {
    const asked = (settledWorks: string[]) =>
      decide(withStatus({ resolved, settledWorks })).actions.flatMap(action =>
        action.do === 'startWork' ? [action.identity.subject] : [],
      )
    const [first = ''] = asked([])
    expect(first).toMatch(/#0~uid-claim$/)
    const settled = settleModel(withStatus({ resolved })).seen.digest(`uid-qwen/download/${first}/1`)
    expect(asked([settled.slice(0, 20)])[0]).toMatch(/#1~uid-claim$/)
  })
})

describe('Secrets of a source', () => {
  const mirrors = [
    { endpoint: 'https://open.example' },
    { endpoint: 'https://hub.example', tokenSecretRef: { name: 'in-house', key: 'read' } },
  ]
  const source = {
    huggingFace: { repo: 'Qwen/Qwen', tokenSecretRef: { name: 'hub', key: 'token' }, mirrors },
  }
  const startOf = (status: object) =>
    decide(seenModel({ model: aModel({ spec: { source }, status }) })).actions.find(
      action => action.do === 'startWork',
    )

  it('go with a download, by name and place, and never into its task', () => {
    const start = startOf({ resolved })
    expect(start).toMatchObject({
      tokenSecret: { name: 'hub', key: 'token' },
      mirrorSecrets: [{ mirror: 1, name: 'in-house', key: 'read' }],
    })
    expect(JSON.stringify(start?.task)).toContain('https://hub.example')
    expect(JSON.stringify(start?.task)).not.toContain('in-house')
  })

  it('of mirrors do not go with a resolve, which asks the source alone', () => {
    const start = startOf({})
    expect(start).toMatchObject({ identity: { command: 'resolve' }, tokenSecret: { name: 'hub' } })
    expect(start).not.toHaveProperty('mirrorSecrets')
  })
})
