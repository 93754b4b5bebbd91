// Servings' writes, carried out by the kernel's client under our field manager.
import type { ClusterWrites, WrittenKind } from './cluster-port.ts'
import { ourManager } from './deployment-notes.ts'
import type { Client } from './kernel/client.ts'
import { CONFIG_MAP, DEPLOYMENT, POD, type Resource, SERVICE } from './kernel/resources.ts'

const resourceOf: Record<WrittenKind, Resource> = {
  Deployment: DEPLOYMENT,
  ConfigMap: CONFIG_MAP,
  Service: SERVICE,
  Pod: POD,
}

export const createClusterWrites = (client: Client): ClusterWrites => ({
  patch: async ({ kind, namespace, name }, form, patch) => {
    const how = { fieldManager: ourManager }
    const what = { namespace, name, patch }
    if (form === 'merge') await client.mergePatch(resourceOf[kind], what, how)
    else await client.strategicPatch(resourceOf[kind], what, how)
  },
  apply: async ({ kind }, object, isDryRun = false) => {
    const how = { fieldManager: ourManager, force: true, dryRun: isDryRun }
    await client.apply(resourceOf[kind], object as Parameters<Client['apply']>[1], how)
  },
  remove: async ({ kind, namespace, name }, uid) => {
    await client.delete(resourceOf[kind], { namespace, name }, { uid })
  },
  logs: async ({ namespace, name }, { container, lines, isPrevious }) => {
    const found: string[] = []
    const how = { container, tailLines: lines, previous: isPrevious, deadlineMs: 10_000 }
    for await (const line of client.logs({ namespace, name }, how)) found.push(line)
    return found
  },
})
