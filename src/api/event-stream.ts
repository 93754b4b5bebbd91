// The diary as a stream of lines: what stands there after a number, then each new entry as it comes.
import type { ApiParts, DiaryEntry } from './api-parts.ts'

export interface StreamWish {
  readonly since: number
  readonly limit: number
  readonly follow: boolean
  readonly kind?: string | undefined
  readonly namespace?: string | undefined
  readonly name?: string | undefined
}

/** Of the answer: entries up to this number may have left the diary. */
export const boundHeader = 'x-switchyard-journal-bound'

const atOnce = 500
/** An empty line now and then: a client that went away is noticed. And one at first: the answer begins where nothing has happened. */
const heartbeatMs = 15_000

const isAbout =
  ({ kind, namespace, name }: StreamWish) =>
  (entry: DiaryEntry): boolean =>
    (kind === undefined || entry.kind === kind) &&
    (namespace === undefined || entry.namespace === namespace) &&
    (name === undefined || entry.name === name)

const toLine = (entry: DiaryEntry): string => `${JSON.stringify(entry)}\n`

/** Without `follow` at most `limit` entries; with it until the signal is given. */
export async function* streamEvents(
  diary: ApiParts['diary'],
  wish: StreamWish,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let { since } = wish
  let left = wish.follow ? Number.POSITIVE_INFINITY : wish.limit
  if (wish.follow) yield '\n'
  while (!signal.aborted && left > 0) {
    const news = nextEntry(diary, signal)
    const page = diary.readAll(since, atOnce)
    since = page.at(-1)?.seq ?? since
    const meant = page.filter(isAbout(wish)).slice(0, left)
    left -= meant.length
    for (const entry of meant) yield toLine(entry)
    if (page.length === atOnce) continue
    if (!wish.follow) return
    if (meant.length === 0 && (await news) === 'quiet') yield '\n'
  }
}

/** Asked for before the diary is read, so that no entry is missed between the two. */
const nextEntry = (diary: ApiParts['diary'], signal: AbortSignal): Promise<'entry' | 'quiet'> =>
  new Promise(resolve => {
    const end = (word: 'entry' | 'quiet'): void => {
      clearTimeout(timer)
      unsubscribe()
      signal.removeEventListener('abort', stop)
      resolve(word)
    }
    const stop = (): void => end('entry')
    const timer = setTimeout(() => end('quiet'), heartbeatMs)
    timer.unref()
    const unsubscribe = diary.subscribe(() => end('entry'))
    signal.addEventListener('abort', stop, { once: true })
  })
