// Puts the parts of the Kubernetes platform together: one client, one set of caches, every part on both.
import type { Platform } from '../../domain/platform.ts'
import { createClusterReads } from './cluster-reads.ts'
import { createClusterWrites } from './cluster-writes.ts'
import type { Client } from './kernel/client.ts'
import type { EventRecorder } from './kernel/events.ts'
import { Freshness } from './kernel/freshness.ts'
import type { Caches } from './kubernetes-caches.ts'
import { KubernetesJournal } from './kubernetes-journal.ts'
import { createKubernetesServings } from './kubernetes-servings.ts'
import { KubernetesStore } from './kubernetes-store.ts'
import { createKubernetesVolumes } from './kubernetes-volumes.ts'
import { KubernetesWork } from './kubernetes-work.ts'
import type { WorkerSettings } from './worker-settings.ts'

export interface PlatformParts {
  /** fenced: refuses to write when leadership may be lost */
  readonly client: Client
  readonly caches: Caches
  readonly recorder: EventRecorder
  readonly worker: WorkerSettings
  /** a cache stayed behind our own write for so long that it is not waited for any more */
  readonly onStale?: (key: string) => void
}

export const createKubernetesPlatform = (parts: PlatformParts): Platform => {
  const { client, caches, recorder, worker, onStale } = parts
  const freshness = new Freshness(onStale ? { onGiveUp: onStale } : {})
  const store = new KubernetesStore({ client, caches, freshness })
  const reads = createClusterReads(caches, namespace => store.listRuntimes(namespace))
  return {
    name: 'kubernetes',
    store,
    work: new KubernetesWork({
      client,
      caches,
      freshness,
      settings: worker,
      onTerminating: namespace => store.noteTerminating(namespace),
    }),
    servings: createKubernetesServings(reads, createClusterWrites({ client, caches, freshness })),
    volumes: createKubernetesVolumes(reads),
    journal: new KubernetesJournal(recorder, namespace => store.isTerminating(namespace)),
  }
}
