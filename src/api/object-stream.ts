// Objects as a stream of lines: each as it stands, then every version that is stored, in the order of the store.
import { type Key, type Kind, parseKey, toKey } from '../domain/object.ts'
import type { ApiParts } from './api-parts.ts'
import { type ObjectView, toView } from './object-view.ts'

export interface WatchWish {
  readonly kind: Kind
  readonly namespace?: string | undefined
}

/** The words of an API server's watch. */
export interface ObjectEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: ObjectView
}

/** An empty line after what was there at first, and now and then: a client that went away is noticed. */
const heartbeatMs = 15_000
/** Of a client that does not read. It may ask anew, and gets what stands there then. */
const mostUnread = 10_000

const toLine = (event: ObjectEvent): string => `${JSON.stringify(event)}\n`

/** Until the signal is given, or the client has left too much unread. */
export async function* streamObjects(
  objects: ApiParts['objects'],
  wish: WatchWish,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const unread: ObjectEvent[] = []
  let wake = (): void => undefined
  const unsubscribe = noteChanges(objects, wish, event => {
    unread.push(event)
    wake()
  })
  try {
    for (const event of unread.splice(0)) yield toLine(event)
    yield '\n'
    while (!signal.aborted && unread.length <= mostUnread) {
      const event = unread.shift()
      if (event) yield toLine(event)
      else if ((await untilWoken(signal, call => (wake = call))) === 'quiet') yield '\n'
    }
  } finally {
    unsubscribe()
  }
}

/** First what is there; returns what ends it. Nothing is stored between the look and the subscription. */
const noteChanges = (
  objects: ApiParts['objects'],
  { kind, namespace }: WatchWish,
  note: (event: ObjectEvent) => void,
): (() => void) => {
  const shown = new Map<Key, ObjectView>()
  const look = (key: Key): void => {
    const ref = parseKey(key)
    if (ref.kind !== kind || ref.namespace !== (namespace ?? ref.namespace)) return
    const before = shown.get(key)
    const object = objects.get(kind, ref)
    if (!object) {
      shown.delete(key)
      if (before) note({ type: 'DELETED', object: before })
      return
    }
    const now = toView(object, objects.specOf(object))
    shown.set(key, now)
    note({ type: before ? 'MODIFIED' : 'ADDED', object: now })
  }
  for (const { metadata } of objects.list(kind)) look(toKey(kind, metadata))
  return objects.subscribe(look)
}

const untilWoken = (signal: AbortSignal, listen: (call: () => void) => void): Promise<'woken' | 'quiet'> =>
  new Promise(resolve => {
    const end = (word: 'woken' | 'quiet'): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      listen(() => undefined)
      resolve(word)
    }
    const stop = (): void => end('woken')
    const timer = setTimeout(() => end('quiet'), heartbeatMs)
    timer.unref()
    signal.addEventListener('abort', stop, { once: true })
    listen(stop)
  })
