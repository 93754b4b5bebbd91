// `switchyard crds`: the custom resource definitions, as they are made from the schemas.
import { toCrd } from '../domain/crd.ts'
import { kinds } from '../domain/kinds.ts'
import type { Kind } from '../domain/object.ts'

export const printCrds = (): number => {
  for (const kind of Object.keys(kinds) as Kind[]) console.log(`---\n${JSON.stringify(toCrd(kind), null, 2)}`)
  return 0
}
