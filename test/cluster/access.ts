// How a test reaches the run's cluster: attached, or skipped with the reason why there is none.
import { inject } from 'vitest'
import { type AttachedCluster, attachCluster, type ClusterData } from './attached.ts'
import type { imageNames } from './images.ts'

export type ImageNames = typeof imageNames

/** What the global setup hands to the tests: plain data. */
export type TestCluster =
  | {
      readonly kind: 'own'
      readonly data: ClusterData
      readonly images: ImageNames
      /** Images that could not be made, with the reason. */
      readonly absent: { readonly [name in keyof ImageNames]?: string }
    }
  /** A cluster that the caller named; it has a kubeconfig and nothing of ours. */
  | { readonly kind: 'given'; readonly kubeconfigPath: string }
  | { readonly kind: 'absent'; readonly reason: string }

declare module 'vitest' {
  interface ProvidedContext {
    cluster: TestCluster
  }
}

export type ClusterAccess = {
  /** undefined when the tests may run: `describe.skipIf(reason !== undefined)`. */
  readonly reason: string | undefined
  /** Throws when there is a reason; call it inside tests and hooks. */
  cluster(): AttachedCluster
  /** The image's name for a pod. */
  readonly images: ImageNames | undefined
  /** Works with a given cluster too. */
  readonly kubeconfigPath: string | undefined
}

/** Our own cluster with these images; says on the console why the tests are skipped when they are. */
export function clusterOrSkip(...needs: (keyof ImageNames)[]): ClusterAccess {
  const provided = inject('cluster')
  const reason = whyNot(provided, needs)
  if (reason) console.warn(`skipped: ${reason}`)
  return {
    reason,
    cluster: () => {
      if (provided.kind !== 'own') throw new Error(reason)
      return attachCluster(provided.data)
    },
    images: provided.kind === 'own' ? provided.images : undefined,
    kubeconfigPath: kubeconfigOf(provided),
  }
}

function whyNot(provided: TestCluster, needs: readonly (keyof ImageNames)[]): string | undefined {
  if (provided.kind === 'absent') return provided.reason
  if (provided.kind === 'given')
    return 'needs the harness’s own cluster (nodes, images), not a given kubeconfig'
  return needs.map(name => provided.absent[name]).find(Boolean)
}

function kubeconfigOf(provided: TestCluster): string | undefined {
  if (provided.kind === 'absent') return undefined
  return provided.kind === 'given' ? provided.kubeconfigPath : provided.data.kubeconfigPath
}
