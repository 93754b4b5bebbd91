// The fetch that is handed to the Hub's client: our timeouts and retries, our token, typed failures, no wandering lists.
import { WorkError } from '../outcome.ts'
import type { QuietHosts } from '../transfer/quiet-hosts.ts'
import { askSmall, type Wire } from '../transfer/wire.ts'

/** 100,000 files in pages of 1,000 stay far below it. */
const pageLimit = 16 << 20

const nextLink = /<([^>]*)>\s*;\s*rel="?next"?/i

/** The client follows `Link: next` to any host; a list that leaves its origin is refused here. */
const refuseWandering = (link: string | null, asked: URL): void => {
  const next = nextLink.exec(link ?? '')?.[1]
  if (next === undefined) return
  if (URL.canParse(next) && new URL(next).origin === asked.origin) return
  throw new WorkError(
    'SourceUnavailable',
    `the file list of ${asked.host} goes on at another place; refused`,
    {
      retry: 'Never',
    },
  )
}

export interface HubDoor {
  readonly wire: Wire
  /** of the interface alone: files have a limit of their own */
  readonly quiet: QuietHosts
}

export const toHubFetch = ({ wire, quiet }: HubDoor, what: string): typeof fetch => {
  const noting: Wire = {
    ...wire,
    onAllowance: (host, allowance) => {
      quiet.note(host, allowance)
      wire.onAllowance?.(host, allowance)
    },
  }
  let pages = 0
  return async input => {
    const url = new URL(typeof input === 'string' || input instanceof URL ? input : input.url)
    if (++pages > 1000) throw new WorkError('SourceUnavailable', `the file list of ${url.host} does not end`)
    await quiet.untilAllowed(url.host, wire.signal)
    const { bytes, headers } = await askSmall(
      noting,
      { url: url.href, what, headers: { accept: 'application/json' } },
      pageLimit,
    )
    refuseWandering(headers.get('link'), url)
    return new Response(new Uint8Array(bytes), { status: 200, headers })
  }
}
