// The name under which a cache keeps an object.
import type { Ref } from './resources.ts'

export type { KernelObject } from './resources.ts'

/** `namespace/name`, or the name alone for kinds of the whole cluster. */
export const storeKey = ({ namespace, name }: Ref): string => (namespace ? `${namespace}/${name}` : name)
