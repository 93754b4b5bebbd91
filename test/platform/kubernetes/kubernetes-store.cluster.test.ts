// The Store and Journal parts on a real API server: their contracts, and what only an API server can show.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Kind } from '../../../src/domain/object.ts'
import type { Note } from '../../../src/domain/platform.ts'
import { EventRecorder } from '../../../src/platform/kubernetes/kernel/events.ts'
import { EVENT, MODEL, RUNTIME } from '../../../src/platform/kubernetes/kernel/resources.ts'
import { KubernetesJournal } from '../../../src/platform/kubernetes/kubernetes-journal.ts'
import { clusterOrSkip } from '../../cluster/access.ts'
import { journalContract } from '../../contracts/journal-contract.ts'
import { type StoreWorld, storeContract } from '../../contracts/store-contract.ts'
import { ensureCrds, modelOf, openTerminating, openWorld, pass, seen, type World } from './work-cluster.ts'

const { cluster, reason, kubeconfigPath = '' } = clusterOrSkip()
const namespace = `store-${Date.now().toString(36)}`
const resources = { Model: MODEL, Runtime: RUNTIME } as const
interface RawEvent extends Pick<Note, 'type' | 'reason'> {
  readonly metadata: { readonly name: string }
  readonly regarding: { readonly uid: string }
  readonly note: string
  readonly eventTime: string
}
const apiVersion = 'switchyard.dev/v1alpha1'

/** What a person does with kubectl, by the same requests. */
const peopleOf = ({ client }: World): StoreWorld['people'] => {
  const patch = (kind: Kind, name: string, metadata: object) =>
    client.mergePatch(resources[kind], { namespace, name, patch: { metadata } }, { fieldManager: 'person' })
  return {
    create: (kind, name, spec) => {
      const object = { metadata: { namespace, name }, spec }
      return client.create(resources[kind], object)
    },
    annotate: (kind, name, annotations) => patch(kind, name, { annotations }),
    hold: (kind, name, finalizers) => patch(kind, name, { finalizers }),
    remove: (kind, name) => client.delete(resources[kind], { namespace, name }),
  }
}

describe.skipIf(reason !== undefined)('objects of a real cluster', () => {
  let world: World
  let going: Awaited<ReturnType<typeof openTerminating>>
  let removeCrds = async () => {}

  beforeAll(async () => {
    removeCrds = await ensureCrds(cluster())
    await cluster().kubectl(['create', 'namespace', namespace])
    world = await openWorld(kubeconfigPath, namespace)
    going = await openTerminating(world.client, `${namespace}-gone`)
  })
  afterAll(async () => {
    await going?.end()
    await world?.close()
    await cluster().kubectl(['delete', 'namespace', namespace, '--wait=true', '--timeout=60s'])
    await removeCrds()
  })

  storeContract(() => ({
    ...world,
    namespace,
    pass,
    people: peopleOf(world),
    next: () => openWorld(kubeconfigPath, namespace),
    terminating: async () => going.namespace,
  }))

  describe('and their diary', () => {
    let recorder: EventRecorder
    beforeAll(() => {
      recorder = new EventRecorder(world.client, {
        controller: 'switchyard.dev/journal-test',
        instance: 'pod-1',
      })
    })
    afterAll(() => recorder?.close())

    const made = async <T>(kind: Kind, name: string, spec: object, find: () => T | undefined): Promise<T> => {
      await peopleOf(world).create(kind, name, spec)
      return seen(`${kind} ${name}`, find)
    }
    journalContract(() => ({
      pass,
      journal: new KubernetesJournal(recorder, name => world.store.isTerminating(name)),
      model: name => {
        const spec = { source: { huggingFace: { repo: 'org/name' } } }
        return made('Model', name, spec, () => world.store.getModel({ namespace, name }))
      },
      runtime: name => {
        const spec = { engine: 'VLLM', kubernetes: { deploymentName: 'vllm' } }
        return made('Runtime', name, spec, () => world.store.getRuntime({ namespace, name }))
      },
      remove: ({ metadata }) => peopleOf(world).remove('Model', metadata.name),
      read: async ({ metadata }) => {
        const events = await world.client.listAll<RawEvent>(EVENT, { namespace })
        return events
          .filter(({ regarding }) => regarding.uid === metadata.uid)
          .sort((a, b) => a.eventTime.localeCompare(b.eventTime))
          .map(({ type, reason: why, note }) => ({ type, reason: why, message: note }))
      },
    }))
  })

  // Who wrote a field is known to an API server only.
  it('1.1 a Model tells the manager that wrote its spec', async () => {
    await cluster().kubectl(['-n', namespace, 'create', '-f', '-'], {
      input: JSON.stringify({
        apiVersion,
        kind: 'Model',
        metadata: { name: 'managed' },
        spec: { source: { huggingFace: { repo: 'org/name' } } },
      }),
    })
    expect((await modelOf(world, namespace, 'managed')).metadata.specManager).toBe('kubectl-create')
  })
})
