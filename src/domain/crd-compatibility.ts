// Which changes of a schema would break objects or clients of the version before; additive changes are none.
import type { Structural } from './crd-schema.ts'

type Check = (before: Structural, after: Structural) => string | false | undefined

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

const narrowed = (field: 'maxLength' | 'maxItems' | 'maxProperties' | 'maximum'): Check => {
  return (before, after) =>
    (after[field] ?? Infinity) < (before[field] ?? Infinity) && `${field} went down to ${after[field]}`
}
const raised = (field: 'minLength' | 'minItems' | 'minimum'): Check => {
  return (before, after) =>
    (after[field] ?? -Infinity) > (before[field] ?? -Infinity) && `${field} went up to ${after[field]}`
}
const changed = (field: keyof Structural): Check => {
  return (before, after) =>
    !same(before[field], after[field]) &&
    `${field} changed from ${JSON.stringify(before[field])} to ${JSON.stringify(after[field])}`
}

const ruleTexts = (schema: Structural) => (schema['x-kubernetes-validations'] ?? []).map(rule => rule.rule)

const checks: readonly Check[] = [
  changed('type'),
  changed('pattern'),
  changed('format'),
  changed('default'),
  changed('x-kubernetes-list-type'),
  changed('x-kubernetes-list-map-keys'),
  changed('x-kubernetes-preserve-unknown-fields'),
  narrowed('maxLength'),
  narrowed('maxItems'),
  narrowed('maxProperties'),
  narrowed('maximum'),
  raised('minLength'),
  raised('minItems'),
  raised('minimum'),
  (before, after) => {
    const gone = before.enum?.filter(value => !after.enum?.includes(value)) ?? []
    if (!before.enum && after.enum) return 'enum is new'
    return after.enum && gone.length > 0 && `enum lost ${gone.join(', ')}`
  },
  (before, after) => {
    const added = after.required?.filter(name => !before.required?.includes(name)) ?? []
    return added.length > 0 && `${added.join(', ')} became required`
  },
  (before, after) => {
    const added = ruleTexts(after).filter(rule => !ruleTexts(before).includes(rule))
    return added.length > 0 && `new rule ${added.join(', ')}`
  },
]

/** One sentence per breaking change, the path first; empty when every old object and client stays good. */
export const findBreaks = (before: Structural, after: Structural, path = ''): string[] => {
  const own = checks
    .map(check => check(before, after))
    .filter(found => found !== false && found !== undefined)
  return [...own.map(found => `${path || 'root'}: ${found}`), ...breaksBelow(before, after, path)]
}

const breaksBelow = (before: Structural, after: Structural, path: string): string[] => {
  const prefix = path ? `${path}.` : ''
  const fields = Object.entries(before.properties ?? {}).flatMap(([name, old]) => {
    const next = after.properties?.[name]
    return next ? findBreaks(old, next, prefix + name) : [`${prefix}${name}: removed`]
  })
  const items = before.items && after.items ? findBreaks(before.items, after.items, `${path}[]`) : []
  const values =
    before.additionalProperties && after.additionalProperties
      ? findBreaks(before.additionalProperties, after.additionalProperties, `${prefix}*`)
      : []
  return [...fields, ...items, ...values]
}
