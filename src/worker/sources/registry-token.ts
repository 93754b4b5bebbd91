// The token that a registry gives to anybody who asks (`WWW-Authenticate: Bearer`), when the realm is on its own host.
import * as z from 'zod'
import { openExchange, readBody, type Token, Watchdog, type Wire } from '../transfer/wire.ts'

const Answer = z.object({ token: z.string().optional(), access_token: z.string().optional() })

const parseChallenge = (header: string | null): Readonly<Record<string, string>> | undefined => {
  if (!header?.startsWith('Bearer ')) return undefined
  const pairs = [...header.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [key ?? '', value ?? ''])
  return Object.fromEntries(pairs)
}

const toTokenUrl = (
  challenge: Readonly<Record<string, string>>,
  asked: URL,
  scope: string,
): URL | undefined => {
  const { realm = '', service } = challenge
  if (!URL.canParse(realm) || new URL(realm).origin !== asked.origin) return undefined
  const url = new URL(realm)
  if (service) url.searchParams.set('service', service)
  url.searchParams.set('scope', scope)
  return url
}

const readToken = async (wire: Wire, dog: Watchdog, url: URL): Promise<Token | undefined> => {
  const response = await openExchange(wire, dog, { url: url.href, what: 'an anonymous token' })
  const { token, access_token } = Answer.parse(JSON.parse((await readBody(response, 64 << 10)).toString()))
  const value = token ?? access_token
  return value && /^[\x21-\x7e]{1,8192}$/.test(value) ? { value, origin: url.origin } : undefined
}

/** Undefined when the registry does not challenge, or gives none: the refusal that led here then stands. */
export const askAnonymousToken = async (
  wire: Wire,
  endpoint: string,
  repository: string,
): Promise<Token | undefined> => {
  const asked = new URL(`${endpoint}/v2/`)
  const dog = new Watchdog(wire)
  try {
    const response = await wire.fetch(asked, { redirect: 'manual', signal: dog.signal })
    await response.body?.cancel()
    const challenge = parseChallenge(response.headers.get('www-authenticate'))
    const url = challenge && toTokenUrl(challenge, asked, `repository:${repository}:pull`)
    return url && (await readToken(wire, dog, url))
  } catch {
    return undefined
  } finally {
    dog.end()
  }
}
