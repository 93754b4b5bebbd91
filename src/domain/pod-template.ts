// What we read of parts that are passed through to Kubernetes unread: whoever else reads them is the API server, at a dry run.
// A part of another shape would break the pass of every object of its namespace, so the spec is invalid instead.
import * as z from 'zod'

const loose = <T extends z.ZodRawShape>(shape: T) => z.looseObject(shape).nullish()
const listOf = <T extends z.ZodType>(item: T) => z.array(item).nullish()
const word = z.string().nullish()
const number = z.number().nullish()
const words = listOf(z.string())
const map = z.record(z.string(), z.string()).nullish()
const amounts = z.record(z.string(), z.union([z.string(), z.number()])).nullish()

const user = {
  runAsUser: number,
  runAsGroup: number,
  fsGroup: number,
  supplementalGroups: listOf(z.number()),
}
const file = z.looseObject({ key: z.string(), path: z.string() })
const configMap = loose({ name: word, items: listOf(file) })
const probe = loose({ initialDelaySeconds: number, failureThreshold: number, periodSeconds: number })

const Container = z.looseObject({
  name: z.string(),
  command: words,
  args: words,
  env: listOf(z.looseObject({ name: z.string(), value: word, valueFrom: loose({}) })),
  ports: listOf(z.looseObject({ name: word, containerPort: number })),
  volumeMounts: listOf(
    z.looseObject({ name: z.string(), mountPath: z.string(), subPath: word, subPathExpr: word }),
  ),
  resources: loose({ requests: amounts, limits: amounts }),
  securityContext: loose(user),
  livenessProbe: probe,
  startupProbe: probe,
})

const Volume = z.looseObject({
  name: z.string(),
  persistentVolumeClaim: loose({ claimName: z.string() }),
  configMap,
  projected: loose({ sources: listOf(z.looseObject({ configMap })) }),
})

const required = loose({ nodeSelectorTerms: listOf(z.looseObject({ matchExpressions: listOf(z.any()) })) })

const PodTemplate = z.looseObject({
  metadata: loose({ labels: map, annotations: map }),
  spec: loose({
    containers: listOf(Container),
    volumes: listOf(Volume),
    nodeSelector: map,
    tolerations: listOf(z.looseObject({ key: word })),
    affinity: loose({
      nodeAffinity: loose({ requiredDuringSchedulingIgnoredDuringExecution: required }),
    }),
    securityContext: loose(user),
    terminationGracePeriodSeconds: number,
  }),
})

const Resources = z.looseObject({ requests: amounts, limits: amounts })

/** Fields of a Runtime's spec by their path. */
const readShapes: readonly (readonly [path: readonly string[], shape: z.ZodType])[] = [
  [['kubernetes', 'podTemplate'], PodTemplate],
  [['worker', 'resources'], Resources],
]

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], value)

export interface Misshapen {
  /** of the part that must not be read */
  readonly path: readonly string[]
  readonly sentence: string
}

/** The first part of a spec, which fits its schema, that is not of the shape that we read. */
export const findMisshapen = (spec: unknown): Misshapen | undefined => {
  for (const [path, shape] of readShapes) {
    const part = at(spec, path)
    const parsed = part === undefined ? undefined : shape.safeParse(part)
    const issue = parsed?.error?.issues[0]
    if (issue) return { path, sentence: `${['spec', ...path, ...issue.path].join('.')}: ${issue.message}` }
  }
  return undefined
}
