// The events of a cluster that are about Models and Runtimes, oldest first, in the shape that a host's diary has.
import { type Happening, type HappeningWish, Refusal } from './client.ts'
import { type ClusterParts, toRefusal } from './cluster-calls.ts'

interface RawEvent {
  readonly metadata: {
    readonly uid?: string
    readonly resourceVersion?: string
    readonly creationTimestamp?: string
  }
  readonly regarding?: {
    readonly apiVersion?: string
    readonly kind?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly type?: string
  readonly reason?: string
  readonly note?: string
  readonly eventTime?: string | null
  readonly series?: { readonly lastObservedTime?: string } | null
  readonly deprecatedLastTimestamp?: string | null
  readonly reportingController?: string
}

const timeOf = (event: RawEvent): string =>
  event.series?.lastObservedTime ??
  event.eventTime ??
  event.deprecatedLastTimestamp ??
  event.metadata.creationTimestamp ??
  ''

const isMeant = ({ regarding }: RawEvent, { about }: HappeningWish): boolean =>
  regarding?.apiVersion?.startsWith('switchyard.dev/') === true &&
  (about === undefined || (regarding.kind === about.kind && regarding.name === about.metadata.name))

const toHappening = (event: RawEvent): Happening => ({
  at: timeOf(event),
  kind: event.regarding?.kind === 'Runtime' ? 'Runtime' : 'Model',
  namespace: event.regarding?.namespace ?? '',
  name: event.regarding?.name ?? '',
  type: event.type === 'Warning' ? 'Warning' : 'Normal',
  actor: event.reportingController ?? '',
  reason: event.reason ?? '',
  message: event.note ?? '',
})

export async function* readClusterEvents<R>(
  { calls, resources }: ClusterParts<R>,
  wish: HappeningWish,
): AsyncGenerator<Happening> {
  if (wish.since > 0)
    throw new Refusal('--since counts the diary of a host; a cluster keeps its events for an hour')
  const of = { namespace: wish.about?.metadata.namespace ?? wish.namespace }
  try {
    const all = await calls.listAll<RawEvent>(resources.event, of)
    const meant = all.filter(one => isMeant(one, wish)).map(one => ({ one, told: toHappening(one) }))
    for (const { told } of meant.sort((a, b) => a.told.at.localeCompare(b.told.at))) yield told
    if (wish.follow) yield* follow({ calls, resources }, wish, new Set(all.map(versionOf)))
  } catch (error) {
    throw toRefusal(error)
  }
}

const versionOf = ({ metadata }: RawEvent): string => `${metadata.uid} ${metadata.resourceVersion}`

/** A watch begins with what stands there: what was told before is known by its version. */
async function* follow<R>(
  { calls, resources }: Pick<ClusterParts<R>, 'calls' | 'resources'>,
  wish: HappeningWish,
  told: Set<string>,
): AsyncGenerator<Happening> {
  const of = { namespace: wish.about?.metadata.namespace ?? wish.namespace }
  for (;;)
    for await (const { type, object } of calls.watch<RawEvent>(resources.event, of, {
      sendInitialEvents: true,
      timeoutSeconds: 300,
    })) {
      const isNew = (type === 'ADDED' || type === 'MODIFIED') && !told.has(versionOf(object))
      if (!isNew || !isMeant(object, wish)) continue
      told.add(versionOf(object))
      yield toHappening(object)
    }
}
