// A hub that answers whatever a test wants: for lies that no repository can hold.
import { listen, sendJson } from '../stand-ins/listening.ts'

export interface Lies {
  readonly sha?: unknown
  readonly entries?: readonly unknown[]
  /** value of the Link header of the file list */
  readonly link?: string
}

export interface HostileHub {
  readonly url: string
  readonly tokensSeen: string[]
  /** how often it was asked */
  readonly requests: number
  readonly close: () => Promise<void>
}

export const goodCommit = 'a'.repeat(40)

export const startHostileHub = async (lies: Lies): Promise<HostileHub> => {
  const tokensSeen: string[] = []
  let requests = 0
  const server = await listen(
    (request, response) => {
      requests++
      if (request.headers.authorization) tokensSeen.push(request.headers.authorization)
      if (request.url?.includes('/revision/')) {
        return sendJson(response, { id: 'a/b', sha: lies.sha ?? goodCommit, gated: false, lastModified: 0 })
      }
      const headers: Record<string, string> = lies.link ? { link: lies.link } : {}
      sendJson(response, lies.entries ?? [], { headers })
    },
    { host: '127.0.0.1', port: 0 },
  )
  const url = `http://127.0.0.1:${server.port}`
  return {
    url,
    tokensSeen,
    get requests() {
      return requests
    },
    close: server.close,
  }
}
