// What a client may say beside the path, as zod schemas: the sentence of what does not fit names the parameter.
import * as z from 'zod'
import { Rejected } from '../domain/failure.ts'

const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform(text => text === 'true')
const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most)

export const ObjectQuery = z.strictObject({ namespace: z.string().max(63).default('default') })

const OfNamespace = z.strictObject({ namespace: z.string().max(63).optional() })

/** Without a namespace: those of all. */
export const ListQuery = OfNamespace.extend({ watch: flag })

export const LogQuery = ObjectQuery.extend({
  lines: whole(1, 10_000).default(200),
  /** 1: of the run before */
  back: whole(0, 100).default(0),
})

export const EventQuery = OfNamespace.extend({
  since: whole(0, Number.MAX_SAFE_INTEGER).default(0),
  limit: whole(1, 1_000).default(200),
  follow: flag,
  kind: z.enum(['Model', 'Runtime']).optional(),
  name: z.string().max(512).optional(),
})

/** Without a folder: the usual ones. */
export const DiscoverQuery = z.strictObject({
  folder: z.string().startsWith('/', 'must be an absolute path').max(4096).optional(),
})

const texts = z.record(z.string().max(317), z.string().max(4096))

export const PatchBody = z.strictObject({
  metadata: z
    .strictObject({ resourceVersion: z.string().optional(), annotations: texts.optional() })
    .optional(),
  spec: z.looseObject({}).optional(),
})

export const RequestBody = z.strictObject({ model: z.string().min(1).max(512).optional() })

export const parse = <T extends z.ZodType>(schema: T, given: unknown): z.output<T> => {
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Rejected('InvalidSpec', `${issue?.path.join('.') || 'request'}: ${issue?.message}`)
}
