// What Switchyard writes beside a Deployment's fields: whose it is, what it was, what was written last and before that.
import type { Launch } from '../../domain/engine.ts'
import type { RawDeployment } from './kubernetes-objects.ts'

export const ourManager = 'switchyard'
export const asFound = 'AsFound'

/** On the pod template: its change is what rolls the Deployment. */
export const recipeNote = 'switchyard.dev/recipe'

/** On the Deployment's own metadata: changing these restarts nothing. */
export const notes = {
  originals: 'switchyard.dev/originals',
  applied: 'switchyard.dev/applied',
  previous: 'switchyard.dev/previous',
  runtime: 'switchyard.dev/runtime',
} as const

export const runtimeLabel = 'switchyard.dev/runtime'
export const servingLabel = 'switchyard.dev/serving'

/** As it was before the first switch. null = the field or key was not there. */
export interface Originals {
  readonly container: string
  readonly command: readonly string[] | null
  readonly args: readonly string[] | null
  readonly config?: string | null
  readonly strategy: unknown
  readonly replicas: number
  readonly graceSeconds: number | null
}

/** A launch as it stands on the Deployment: complete, so that it can be put back over any other. By config file only `config`. */
export interface Written {
  readonly hash: string
  readonly command?: readonly string[] | null
  readonly args?: readonly string[] | null
  readonly config?: string
}

export interface Owner {
  readonly name: string
  readonly uid: string
}

export const readOriginals = (deployment: RawDeployment | undefined) =>
  readNote<Originals>(deployment, notes.originals)
/** What the last switch wrote; `hash: 'AsFound'` never stands here. */
export const readApplied = (deployment: RawDeployment | undefined) =>
  readNote<Written>(deployment, notes.applied)
/** What stood there before; only the hash when that is `AsFound`. */
export const readPrevious = (deployment: RawDeployment | undefined) =>
  readNote<Written>(deployment, notes.previous)
export const readOwner = (deployment: RawDeployment | undefined) => readNote<Owner>(deployment, notes.runtime)

/** A note that somebody else broke counts as absent. */
const readNote = <T extends object>(deployment: RawDeployment | undefined, name: string): T | undefined => {
  const text = deployment?.metadata.annotations?.[name]
  if (!text) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as T) : undefined
  } catch {
    return undefined
  }
}

const marker = '# switchyard recipe: '

/** The config file says itself which recipe it is, so that it survives whoever strips the template's annotation. */
export const markConfig = (config: string, hash: string): string => `${marker}${hash}\n${config}`

export const readMarked = (text: string): { readonly config: string; readonly hash?: string } => {
  if (!text.startsWith(marker)) return { config: text }
  const end = text.indexOf('\n')
  const hash = (end < 0 ? text : text.slice(0, end)).slice(marker.length).trim()
  return { config: end < 0 ? '' : text.slice(end + 1), hash }
}

/** Nothing of the pod is written: the engine changes its model inside the running process. */
export const isInPlace = (launch: Launch): boolean =>
  launch.command === undefined && launch.args === undefined && launch.config === undefined
