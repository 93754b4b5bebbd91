// The Hub's rate limits: a fixed window for API calls and one for file resolves, told in headers.
import type { ServerResponse } from 'node:http'

export interface RateLimits {
  readonly api?: number
  readonly resolvers?: number
  readonly windowSeconds?: number
}

export interface RateLimiter {
  /** Writes the headers; false when the limit is used up (then it has answered 429). */
  readonly admit: (kind: 'api' | 'resolvers', response: ServerResponse) => boolean
}

export function openRateLimiter(limits: RateLimits): RateLimiter {
  const window = limits.windowSeconds ?? 300
  const used = { api: 0, resolvers: 0 }
  let opened = Date.now()
  return {
    admit(kind, response) {
      const limit = limits[kind] ?? (kind === 'api' ? 500 : 3000)
      if (Date.now() - opened >= window * 1000) {
        opened = Date.now()
        used.api = 0
        used.resolvers = 0
      }
      const reset = Math.max(1, Math.ceil((opened + window * 1000 - Date.now()) / 1000))
      const left = limit - ++used[kind]
      response.setHeader('RateLimit', `"${kind}";r=${Math.max(0, left)};t=${reset}`)
      response.setHeader('RateLimit-Policy', `"fixed window";"${kind}";q=${limit};w=${window}`)
      if (left >= 0) return true
      response.writeHead(429, { 'retry-after': String(reset), 'content-type': 'application/json' })
      response.end('{"error":"We had to rate limit you."}')
      return false
    },
  }
}
