// The diary people read with kubectl: one event per note, about the Model or Runtime; none where nothing can be created any more.
import type { Model, Runtime } from '../../domain/object.ts'
import type { Journal, Note } from '../../domain/platform.ts'
import type { EventRecorder } from './kernel/events.ts'

export class KubernetesJournal implements Journal {
  readonly #recorder: Pick<EventRecorder, 'write'>
  readonly #isTerminating: (namespace: string) => boolean

  constructor(recorder: Pick<EventRecorder, 'write'>, isTerminating: (namespace: string) => boolean) {
    this.#recorder = recorder
    this.#isTerminating = isTerminating
  }

  write(about: Model | Runtime, note: Note): void {
    const { namespace, name, uid } = about.metadata
    if (this.#isTerminating(namespace)) return
    this.#recorder.write({
      regarding: { apiVersion: 'switchyard.dev/v1alpha1', kind: about.kind, namespace, name, uid },
      type: note.type,
      reason: note.reason,
      action: 'Reconcile',
      note: note.message,
    })
  }
}
