// Which other keys wake when an object changes: a Model its Runtimes and who keeps bytes of it, a Runtime the Models it names or named.
import { type Key, type Model, parseKey, type Runtime, toKey } from '../domain/object.ts'
import type { Store } from '../domain/platform.ts'

/** Every name of a Model that a Runtime has to do with. */
export const modelsOf = ({ spec, status }: Runtime): readonly string[] => {
  const names = [
    spec.activeModel,
    status.active?.model,
    status.switch?.from?.model,
    status.switch?.to?.model,
    status.lastSwitch?.result === 'Committed' ? status.lastSwitch.from?.model : undefined,
  ]
  return [...new Set(names.filter(name => name !== undefined))]
}

export const isNamedBy = (model: Model, runtime: string): boolean =>
  model.spec.runtimes?.some(one => one.name === runtime) ?? false

/** All Models are gone through only while one tells of bytes. */
const heirsOf = (store: Store, model: Model | undefined): readonly Key[] => {
  const uids = model?.status.passedOn?.map(({ uid }) => uid)
  if (!model || !uids) return []
  const heirs = store
    .listModels(model.metadata.namespace)
    .filter(({ metadata }) => uids.includes(metadata.uid))
  return heirs.map(({ metadata }) => toKey('Model', metadata))
}

/** Keys to look at besides the changed one; the object may be gone. */
export const relatedKeys = (store: Store, key: Key): readonly Key[] => {
  const { kind, namespace, name } = parseKey(key)
  if (kind === 'Model') {
    const runtimes = store.listRuntimes(namespace).filter(runtime => modelsOf(runtime).includes(name))
    return [
      ...runtimes.map(runtime => toKey('Runtime', runtime.metadata)),
      ...heirsOf(store, store.getModel({ namespace, name })),
    ]
  }
  const runtime = store.getRuntime({ namespace, name })
  return store
    .listModels(namespace)
    .filter(model => isNamedBy(model, name) || (runtime && modelsOf(runtime).includes(model.metadata.name)))
    .map(model => toKey('Model', model.metadata))
}
