// The API key of an engine: read from its mounted file, shown to one address only, and taken out of what comes back.
import { readFile } from 'node:fs/promises'
import { Agent, fetch as send } from 'undici'
import type { PodAddress } from '../domain/names.ts'
import { codeOf, WorkError } from './outcome.ts'

export const keyNeeded = (message: string): WorkError =>
  new WorkError('EngineKeyNeeded', message, { retry: 'WhenAble' })

export const readKey = async (file: string | undefined): Promise<string> => {
  const text = await readFile(file ?? '', 'utf8').catch((error: unknown) => {
    if (file === undefined || ['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return ''
    throw keyNeeded(`the mounted key cannot be read: ${codeOf(error)}`)
  })
  const key = text.trim()
  if (!key) throw keyNeeded('the Secret or key named in apiKeySecretRef does not exist or is empty')
  if (!/^[\x21-\x7e]{1,4096}$/.test(key))
    throw keyNeeded('the key named in apiKeySecretRef holds something that is no API key')
  return key
}

/** An engine that repeats the key in a refusal must not bring it into a status. */
export const withoutKey = (text: string, key: string): string =>
  [JSON.stringify(key).slice(1, -1), key].reduce((left, spelled) => left.replaceAll(spelled, '[key]'), text)

const bodyWithoutKey = (text: string, key: string): string => {
  try {
    const hide = (_: string, value: unknown) => (typeof value === 'string' ? withoutKey(value, key) : value)
    return JSON.stringify(JSON.parse(text, hide))
  } catch {
    return withoutKey(text, key)
  }
}

export interface Door {
  readonly address: PodAddress
  readonly key: string
  readonly fetch: typeof fetch
  /** ends every exchange */
  readonly signal: AbortSignal
}

/** Sends the key with every request to the address, refuses any other, and follows no redirect. */
export const fetchWithKey =
  ({ address, key, fetch, signal }: Door): typeof globalThis.fetch =>
  async (input, init = {}) => {
    const url = new URL(String(input))
    if (url.origin !== new URL(address).origin) throw new Error('an address that must not see the key')
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${key}`)
    const signals = init.signal ? [init.signal, signal] : [signal]
    const response = await fetch(url, {
      ...init,
      headers,
      redirect: 'manual',
      signal: AbortSignal.any(signals),
    })
    return response.status === 200 ? response : hideKey(response, key)
  }

const hideKey = async (response: Response, key: string): Promise<Response> => {
  const text = bodyWithoutKey(await readSome(response), key)
  return new Response([204, 205, 304].includes(response.status) ? null : text, { status: response.status })
}

const refusalLimit = 64 * 1024

const readSome = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    size += chunk.byteLength
    if (size > refusalLimit) break
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Past every proxy that the environment names: the key goes to the pod itself or nowhere. */
export const createDirectFetch = (): typeof fetch => {
  const dispatcher = new Agent()
  return ((input: string, init?: object) => send(input, { ...init, dispatcher })) as typeof fetch
}
