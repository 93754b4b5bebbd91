// The few zod pieces that every schema is made of: each string, list and map is bounded, as a CRD needs it.
import * as z from 'zod'

/** Carries keywords of the CRD that zod does not know (`x-kubernetes-*`). */
export const withKeywords = <T extends z.ZodType>(schema: T, keywords: Record<string, unknown>): T =>
  schema.meta({ ...schema.meta(), ...keywords }) as T

/** Twin of `format: date-time`. */
const aDate = Object.assign(
  z.superRefine<string>((text, context) => {
    if (Number.isNaN(Date.parse(text)))
      context.addIssue({ code: 'custom', message: 'is not a date and time' })
  }),
  { twinOf: 0 },
)

export const text = (maxLength: number) => z.string().max(maxLength)
export const word = (maxLength: number, pattern: string) =>
  z.string().min(1).max(maxLength).regex(new RegExp(pattern))
export const dateTime = () => withKeywords(z.string().max(64).check(aDate), { format: 'date-time' })
export const count = (max = 2_000_000_000) => z.int().min(0).max(max)
export const bytes = () => z.int().min(0).max(9_007_199_254_740_991)

/** A list whose items are told apart by one field. */
export const listByKey = <T extends z.ZodType>(item: T, key: string | readonly string[], maxItems: number) =>
  withKeywords(z.array(item).max(maxItems), {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': typeof key === 'string' ? [key] : key,
  })

/** A list that is replaced as a whole. */
export const atomicList = <T extends z.ZodType>(item: T, maxItems: number) =>
  withKeywords(z.array(item).max(maxItems), { 'x-kubernetes-list-type': 'atomic' })

/** A part that is passed through to Kubernetes unread; a server-side dry run checks it. */
export const passedThrough = (description: string) =>
  z.looseObject({}).meta({ description, 'x-kubernetes-preserve-unknown-fields': true })

/** A size as Kubernetes writes it: 24Gi, 500M, 1.5T or plain bytes. */
export const quantityPattern = '^[0-9]{1,18}(\\.[0-9]{1,6})?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$'
export const quantity = (description: string) => word(32, quantityPattern).meta({ description })

const factors: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
}

/** Bytes of a quantity; undefined for a text that is none. */
export const parseQuantity = (value: string | undefined): number | undefined => {
  const match = /^([0-9]+(?:\.[0-9]+)?)([a-zA-Z]*)$/.exec(value ?? '')
  const factor = factors[match?.[2] ?? 'none']
  return match && factor !== undefined ? Math.floor(Number(match[1]) * factor) : undefined
}

interface RuleText {
  /** CEL, evaluated by the API server */
  readonly rule: string
  /** the one sentence for it: CEL message on a cluster, our own message everywhere else */
  readonly message: string
  /** where the sentence belongs, as `.field` below the value; default: the value itself */
  readonly fieldPath?: string
}

/** A rule about a change, which no parser sees: `crd-change.ts` asks it with both values. */
export interface ChangeRule<T> extends RuleText {
  readonly keeps: (self: T, oldSelf: T) => boolean
}

/** Shape rule that a schema cannot say; each has its twin for other platforms. */
export type ShapeRule<T> = (RuleText & { readonly holds: (self: T) => boolean }) | ChangeRule<T>

/** A zod check that stands for CEL rules; any other custom check is refused by the CRD converter. */
export interface TwinCheck {
  readonly twinOf: number
  readonly changes?: readonly ChangeRule<never>[]
}

const toCel = ({ rule, message, fieldPath }: RuleText) => ({ rule, message, ...(fieldPath && { fieldPath }) })

export const withRules = <T extends z.ZodType>(schema: T, rules: readonly ShapeRule<z.output<T>>[]): T => {
  const twin = z.superRefine<z.output<T>>((value, context) => {
    for (const rule of rules) {
      if ('keeps' in rule || rule.holds(value)) continue
      const path = rule.fieldPath ? rule.fieldPath.split('.').slice(1) : []
      context.addIssue({ code: 'custom', path, message: rule.message })
    }
  })
  const changes = rules.filter(rule => 'keeps' in rule)
  const checked = schema.check(
    Object.assign(twin, { twinOf: rules.length, changes } satisfies TwinCheck),
  ) as T
  return withKeywords(checked, { 'x-kubernetes-validations': rules.map(toCel) })
}

const atMost = (maxProperties: number) =>
  Object.assign(
    z.superRefine<Record<string, string>>((map, context) => {
      if (Object.keys(map).length > maxProperties)
        context.addIssue({ code: 'custom', message: `must have at most ${maxProperties} entries` })
    }),
    { twinOf: 0 } satisfies TwinCheck,
  )

/** A map of short texts. JSON schema cannot bound its keys, so a rule does. */
export const textMap = (maxProperties: number, maxKey: number, maxValue: number) => {
  const keys = {
    rule: `self.all(key, size(key) <= ${maxKey})`,
    message: `keys must have at most ${maxKey} characters`,
    holds: (self: Record<string, string>) => Object.keys(self).every(key => key.length <= maxKey),
  }
  const map = z.record(z.string(), text(maxValue)).check(atMost(maxProperties))
  return withKeywords(withRules(map, [keys]), { maxProperties })
}
