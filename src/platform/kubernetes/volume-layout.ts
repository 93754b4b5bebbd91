// Which claim an engine's container keeps its models on, and in which folder of it. Pure.
import type { Runtime } from '../../domain/object.ts'
import type { Problem, VolumeView } from '../../domain/platform.ts'
import { envOf, type RawContainer, type RawTemplate } from './engine-container.ts'

export interface ClaimMount {
  readonly claim: string
  readonly mountPath: string
  readonly subPath: string
}

/** Environment that says where models are; whichever mount holds one of these is the store. */
const telling = ['HF_HUB_CACHE', 'HF_HOME', 'OLLAMA_MODELS'] as const

export const findMount = (
  runtime: Runtime,
  template: RawTemplate | undefined,
  container: RawContainer,
): ClaimMount | Problem => {
  const { claimName, path } = runtime.spec.storage ?? {}
  const all = mountsOf(template, container)
  const wanted = path?.replace(/(.)\/+$/, '$1')
  const fitting = all.filter(
    one => (!claimName || one.claim === claimName) && (!wanted || one.mountPath === wanted),
  )
  const [only] = fitting
  if (!only) return notMounted(container, { claimName, path, mounted: all })
  if (fitting.length === 1) return only
  const env = envOf(container)
  const told = fitting.filter(one => telling.some(name => isWithin(one.mountPath, env[name])))
  const [single] = told
  if (single && told.length === 1) return single
  const claims = fitting.map(one => `${one.claim} at ${one.mountPath}`).join(', ')
  return {
    reason: 'ClaimNotMounted',
    message: `container ${container.name} mounts ${claims}: set spec.storage.claimName and path`,
  }
}

const mountsOf = (template: RawTemplate | undefined, container: RawContainer): ClaimMount[] =>
  (container.volumeMounts ?? []).flatMap(mount => {
    const volume = template?.spec?.volumes?.find(one => one.name === mount.name)
    const claim = volume?.persistentVolumeClaim?.claimName
    // A path that is made of the pod's environment is not known before the pod is.
    if (!claim || mount.subPathExpr) return []
    const mountPath = mount.mountPath.replace(/(.)\/+$/, '$1')
    return [{ claim, mountPath, subPath: (mount.subPath ?? '').replace(/^\/+|\/+$/g, '') }]
  })

const notMounted = (
  container: RawContainer,
  {
    claimName,
    path,
    mounted,
  }: {
    readonly claimName: string | undefined
    readonly path: string | undefined
    readonly mounted: readonly ClaimMount[]
  },
): Problem => {
  const wanted = `${claimName ? `claim ${claimName}` : 'a claim'}${path ? ` at ${path}` : ''}`
  const field = claimName ? 'spec.storage.claimName: ' : path ? 'spec.storage.path: ' : ''
  const has = mounted.map(one => `${one.claim} at ${one.mountPath}`).join(', ') || 'no claim'
  return {
    reason: 'ClaimNotMounted',
    message: `${field}container ${container.name} does not mount ${wanted}; it mounts ${has}`,
  }
}

const isWithin = (folder: string, path: string | undefined): boolean =>
  path !== undefined && (path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`))

type Layout = VolumeView['layout']

export const findLayout = (
  runtime: Runtime,
  container: RawContainer,
  mount: ClaimMount,
): Layout | Problem => {
  const env = envOf(container)
  if (runtime.spec.engine === 'VLLM') {
    return { root: mount.mountPath, kind: 'HubCache', path: hubFolder(env, mount.mountPath) }
  }
  const store = clean(env['OLLAMA_MODELS'])
  const isMade = runtime.spec.kubernetes?.podTemplate !== undefined
  if (!store && isMade) return { root: mount.mountPath, kind: 'OllamaStore', path: `${slashed(mount)}ollama` }
  if (store && isWithin(mount.mountPath, store))
    return { root: mount.mountPath, kind: 'OllamaStore', path: store }
  const where = store ? `OLLAMA_MODELS is ${store}` : 'OLLAMA_MODELS is not set'
  return {
    reason: 'StoreNotOnVolume',
    message: `${where}; claim ${mount.claim} is mounted at ${mount.mountPath}`,
  }
}

const hubFolder = (env: Readonly<Record<string, string>>, mountPath: string): string => {
  const home = clean(env['HF_HOME'])
  const told = [clean(env['HF_HUB_CACHE']), home && `${home}/hub`]
  const found = told.find(path => isWithin(mountPath, path))
  return found ?? `${mountPath === '/' ? '' : mountPath}/hub`
}

/** As Ollama reads it: quotes and blanks around do not count. */
const clean = (path: string | undefined): string | undefined => {
  const text = path
    ?.trim()
    .replace(/^["']+|["']+$/g, '')
    .replace(/(.)\/+$/, '$1')
  return text?.startsWith('/') && !/(^|\/)\.\.(\/|$)/.test(text) ? text : undefined
}

const slashed = ({ mountPath }: ClaimMount): string => (mountPath === '/' ? '/' : `${mountPath}/`)

/** Where a made Ollama keeps its store; undefined when its template mounts no claim. */
export const storeFolder = (runtime: Runtime, container: RawContainer): string | undefined => {
  const template = runtime.spec.kubernetes?.podTemplate as RawTemplate | undefined
  const mount = findMount(runtime, template, container)
  return 'claim' in mount ? `${slashed(mount)}ollama` : undefined
}
