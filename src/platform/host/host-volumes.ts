// The folder of a Runtime as a volume: told apart by disk and path, shared by every Runtime that names it.
import { existsSync, readdirSync } from 'node:fs'
import type { Runtime } from '../../domain/object.ts'
import type { Problem, Store, Volumes, VolumeView } from '../../domain/platform.ts'
import { isForeign } from '../../domain/runtime-host.ts'
import { parseQuantity } from '../../domain/schema.ts'
import { type Directory, findDirectory } from './directory.ts'

export interface VolumeParts {
  readonly store: Pick<Store, 'listRuntimes'>
  /** of Runtimes that name none and whose engine is ours; the daemon makes it */
  readonly modelsFolder: string
}

export const createHostVolumes = (parts: VolumeParts): Volumes => ({ find: runtime => find(parts, runtime) })

const find = (parts: VolumeParts, runtime: Runtime): VolumeView | Problem => {
  const given = folderOf(parts, runtime)
  if (given === undefined) return storeUnknown(runtime)
  const directory = findDirectory(given)
  if (!directory) return missing(given)
  if (!directory.isWritable) return readOnly(directory)
  const sharing = sharingOf(parts, runtime, directory)
  const { namespace } = runtime.metadata
  return {
    key: `${namespace}/${directory.device}/${directory.path}`,
    claim: directory.device,
    subPath: directory.path,
    claimUID: directory.uid,
    runtimes: sharing.map(one => one.metadata.name),
    mountPath: directory.path,
    layout: layoutOf(runtime, directory.path),
    quotaBytes: quotaOf(sharing) ?? directory.diskBytes,
    access: undefined,
  }
}

/** The store of an Ollama that is not ours is nowhere to be read. */
const folderOf = ({ modelsFolder }: VolumeParts, { spec }: Runtime): string | undefined =>
  spec.storage?.directory ?? (isForeign(spec) ? undefined : modelsFolder)

const layoutOf = ({ spec }: Runtime, root: string): VolumeView['layout'] => {
  if (spec.engine === 'VLLM') return { root, kind: 'HubCache', path: isHubCache(root) ? root : `${root}/hub` }
  const isStore = isForeign(spec) || isOllamaStore(root)
  return { root, kind: 'OllamaStore', path: isStore ? root : `${root}/ollama` }
}

/** What a person names may be the cache or the store of another program: that is used, not one more inside it. */
const isHubCache = (root: string): boolean =>
  !existsSync(`${root}/hub`) && namesIn(root).some(name => name.startsWith('models--'))

const isOllamaStore = (root: string): boolean =>
  !existsSync(`${root}/ollama`) && ['blobs', 'manifests'].every(name => existsSync(`${root}/${name}`))

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const storeUnknown = ({ spec }: Runtime): Problem => ({
  reason: 'StoreNotOnVolume',
  message: `set spec.storage.directory to the folder that the Ollama ${spec.host?.unit ?? `at ${spec.host?.url}`} keeps its models in`,
})

/** Never made by us: where a disk is not mounted, its bytes would land on another one. */
const missing = (path: string): Problem => ({
  reason: 'ClaimNotFound',
  message: `folder ${path} does not exist: make it, or mount its disk`,
})

const readOnly = ({ path }: Directory): Problem => ({
  reason: 'VolumeNotWritable',
  message: `folder ${path} cannot be written to by user ${process.getuid?.()}`,
})

/** In order of their names. */
const sharingOf = (parts: VolumeParts, runtime: Runtime, { uid }: Directory): readonly Runtime[] => {
  const { namespace } = runtime.metadata
  const others = parts.store
    .listRuntimes(namespace)
    .filter(one => one.metadata.uid !== runtime.metadata.uid)
    .filter(one => findDirectory(folderOf(parts, one) ?? '')?.uid === uid)
  return [runtime, ...others].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

const quotaOf = (sharing: readonly Runtime[]): number | undefined => {
  const quotas = sharing.map(one => parseQuantity(one.spec.storage?.quota)).filter(one => one !== undefined)
  return quotas.length > 0 ? Math.min(...quotas) : undefined
}
