// What somebody knows who only listens to a reflector, and whether what was told ever contradicted itself.
import type { ReflectorEvent } from '../../../../src/platform/kubernetes/kernel/reflector.ts'
import type { KernelObject } from '../../../../src/platform/kubernetes/kernel/resources.ts'

export const versionOf = ({ metadata }: KernelObject) =>
  `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`

export const foldEvents = <T extends KernelObject>() => {
  const known = new Map<string, string>()
  const contradictions: string[] = []
  const fold = (event: ReflectorEvent<T>) => {
    const { name } = event.object.metadata
    if (known.has(name) === (event.type === 'added')) contradictions.push(`${event.type} ${name}`)
    if (event.type === 'deleted') known.delete(name)
    else known.set(name, versionOf(event.object))
  }
  return { known, contradictions, fold }
}
