// The name under which a cache keeps an object, and whether two sights are of the same moment.
import type { KernelObject, Ref } from './resources.ts'

export type { KernelObject } from './resources.ts'

/** `namespace/name`, or the name alone for kinds of the whole cluster. */
export const storeKey = ({ namespace, name }: Ref): string => (namespace ? `${namespace}/${name}` : name)

export const isSameVersion = ({ metadata: one }: KernelObject, { metadata: other }: KernelObject): boolean =>
  one.uid === other.uid && one.resourceVersion === other.resourceVersion
