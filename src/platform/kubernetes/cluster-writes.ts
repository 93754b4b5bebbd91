// Servings' writes, carried out by the kernel's client under our field manager; each is noted for the key that it was done for.
import type { ClusterWrites, Target, WrittenKind } from './cluster-port.ts'
import { ourManager } from './deployment-notes.ts'
import type { Client } from './kernel/client.ts'
import type { Freshness, Shows } from './kernel/freshness.ts'
import type { KernelObject } from './kernel/objects.ts'
import { CONFIG_MAP, DEPLOYMENT, POD, type Resource, SERVICE } from './kernel/resources.ts'
import type { Caches } from './kubernetes-caches.ts'

export interface WriteParts {
  readonly client: Client
  readonly caches: Pick<Caches, 'deployments' | 'configMaps' | 'services' | 'pods'>
  readonly freshness: Freshness
}

const resourceOf: Record<WrittenKind, Resource> = {
  Deployment: DEPLOYMENT,
  ConfigMap: CONFIG_MAP,
  Service: SERVICE,
  Pod: POD,
}

const cachesOf = ({
  deployments,
  configMaps,
  services,
  pods,
}: WriteParts['caches']): Record<WrittenKind, Shows> => ({
  Deployment: deployments,
  ConfigMap: configMaps,
  Service: services,
  Pod: pods,
})

export const createClusterWrites = ({ client, caches, freshness }: WriteParts): ClusterWrites => {
  const cacheOf = cachesOf(caches)
  const note = (target: Target, written: KernelObject): void =>
    freshness.recordWrite(target.for, cacheOf[target.kind], written)
  return {
    patch: async (target, form, patch) => {
      const how = { fieldManager: ourManager }
      const what = { namespace: target.namespace, name: target.name, patch }
      const resource = resourceOf[target.kind]
      const sending =
        form === 'merge' ? client.mergePatch(resource, what, how) : client.strategicPatch(resource, what, how)
      note(target, await sending)
    },
    apply: async (target, object, isDryRun = false) => {
      const how = { fieldManager: ourManager, force: true, dryRun: isDryRun }
      const what = object as Parameters<Client['apply']>[1]
      const answer = await client.apply(resourceOf[target.kind], what, how)
      if (!isDryRun) note(target, answer)
    },
    remove: async (target, uid) => {
      await client.delete(resourceOf[target.kind], target, { uid })
      freshness.recordRemoval(target.for, cacheOf[target.kind], { ...target, uid })
    },
    logs: readLog(client),
  }
}

const readLog =
  (client: Client): ClusterWrites['logs'] =>
  async ({ namespace, name }, { container, lines, isPrevious }) => {
    const found: string[] = []
    const how = { container, tailLines: lines, previous: isPrevious, deadlineMs: 10_000 }
    for await (const line of client.logs({ namespace, name }, how)) found.push(line)
    return found
  }
