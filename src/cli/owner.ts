// Who else declares a field of an object, and would put it back: Argo CD, Flux, Helm, or another manager by server-side apply.

interface Entry {
  readonly manager?: string
  readonly operation?: string
  readonly fieldsV1?: unknown
}

interface Meta {
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly managedFields?: readonly Entry[]
}

export const ourManager = 'switchyard-cli'

const hasWritten = ({ managedFields = [] }: Meta, manager: RegExp): boolean =>
  managedFields.some(one => manager.test(one.manager ?? ''))

/** A tool's mark on the object → its name for people; its manager, by which it writes. */
const tools: readonly {
  readonly name: string
  readonly manager: RegExp
  readonly mark: (meta: Meta) => string | undefined
}[] = [
  {
    name: 'Argo CD',
    manager: /^argocd/,
    mark: ({ labels, annotations, ...meta }) =>
      annotations?.['argocd.argoproj.io/tracking-id']?.split(':')[0] ??
      labels?.['argocd.argoproj.io/instance'] ??
      // Charts of Helm set it, too: it is Argo CD's where Argo CD has written.
      (hasWritten(meta, /^argocd/) ? labels?.['app.kubernetes.io/instance'] : undefined),
  },
  {
    name: 'Flux',
    manager: /^kustomize-controller$/,
    mark: ({ labels }) => labels?.['kustomize.toolkit.fluxcd.io/name'],
  },
  {
    name: 'Flux (Helm)',
    manager: /^helm-controller$/,
    mark: ({ labels }) => labels?.['helm.toolkit.fluxcd.io/name'],
  },
  {
    name: 'Helm',
    manager: /^helm$/,
    mark: ({ annotations }) => annotations?.['meta.helm.sh/release-name'],
  },
]

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

export const findOwner = (meta: Meta, field: string): string | undefined => {
  const writers = (meta.managedFields ?? []).filter(one => one.manager !== ourManager && hasField(one, field))
  for (const { name, manager, mark } of tools) {
    const of = mark(meta)
    const isWriter = writers.some(one => manager.test(one.manager ?? ''))
    if (isWriter || (of !== undefined && (wasApplied(meta, field) || wasTaken(meta, field))))
      return of ? `${name} (${of})` : name
  }
  // kubectl apply puts a field back only when somebody types it again.
  return writers.find(one => one.operation === 'Apply' && !/^kubectl/.test(one.manager ?? ''))?.manager
}

/** These commands have the field now, of an object that a tool still keeps: it comes back with the tool's next look. */
const wasTaken = ({ managedFields = [] }: Meta, field: string): boolean =>
  managedFields.some(one => one.manager === ourManager && hasField(one, field))

const hasField = ({ fieldsV1 }: Entry, field: string): boolean => {
  const spec = (fieldsV1 as Record<string, Record<string, unknown>> | undefined)?.['f:spec']
  return spec?.[`f:${field}`] !== undefined
}

const wasApplied = ({ annotations }: Meta, field: string): boolean => {
  try {
    const { spec } = JSON.parse(annotations?.[lastApplied] ?? '{}') as { spec?: Record<string, unknown> }
    return spec?.[field] !== undefined
  } catch {
    return false
  }
}
