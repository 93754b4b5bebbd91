// An answer whose body was not read yet, whichever way it came: through fetch, or over a range socket.
import type { RangeSockets } from './range-sockets.ts'
import { type Exchange, headersFor, noteAllowance, openExchange, type Watchdog, type Wire } from './wire.ts'

export interface Answer {
  readonly status: number
  /** address that answered, after redirects */
  readonly url: string
  header(name: string): string | null
  /** The next bytes, in one piece or more; undefined at the end. */
  read(): Promise<readonly Uint8Array[] | undefined>
  /** bytes are valid until the next read only */
  readonly isBorrowed: boolean
  /** MUST be called when the body is not read to its end. */
  cancel(): Promise<void>
}

/** The portable way: redirects, proxies, typed refusals. */
export const askByFetch = async (wire: Wire, dog: Watchdog, exchange: Exchange): Promise<Answer> => {
  const response = await openExchange(wire, dog, exchange)
  const reader = response.body?.getReader()
  return {
    status: response.status,
    url: response.url || exchange.url,
    header: name => response.headers.get(name),
    isBorrowed: false,
    read: async () => {
      const next = await reader?.read()
      dog.touch()
      return next?.value && [next.value]
    },
    cancel: async () => {
      await reader?.cancel().catch(() => {})
    },
  }
}

/** The fast way, for an address that has answered a range before; undefined when it does not answer like that: ask by fetch. */
export const askBySocket = async (
  wire: Wire,
  dog: Watchdog,
  { exchange, sockets }: { readonly exchange: Exchange; readonly sockets: RangeSockets },
): Promise<Answer | undefined> => {
  dog.signal.throwIfAborted()
  const url = new URL(exchange.url)
  const socket = await sockets.take(url, dog.signal).catch(() => undefined)
  if (!socket) return undefined
  const onAbort = (): void => socket.destroy()
  dog.signal.addEventListener('abort', onAbort)
  const head = await socket.ask(url, headersFor(wire, url, exchange.headers ?? {}))
  dog.touch()
  const done = (): void => {
    dog.signal.removeEventListener('abort', onAbort)
    sockets.give(url, socket)
  }
  if (!head) {
    done()
    sockets.doubt(url)
    return undefined
  }
  const header = (name: string): string | null => head.headers.get(name) ?? null
  noteAllowance(wire, url.host, header)
  return {
    status: head.status,
    url: exchange.url,
    header,
    isBorrowed: true,
    read: async () => {
      const pieces = await socket.read()
      dog.touch()
      if (!pieces) done()
      return pieces
    },
    cancel: async () => {
      socket.destroy()
      done()
    },
  }
}
