// One question to a hub, step by step as it is reached: proxy, tunnel, TLS. What fails keeps its code and the place where it failed.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'

export interface HubAnswer {
  readonly status: number
  /** of the hub's own clock */
  readonly date: Date | undefined
}

export class HubTrouble extends Error {
  readonly where: 'proxy' | 'hub'
  readonly code: string

  constructor(where: 'proxy' | 'hub', code: string) {
    super(`${where}: ${code}`)
    this.where = where
    this.code = code
  }
}

const patienceMs = 10_000

export interface Question {
  readonly url: URL
  readonly proxy: URL | undefined
  readonly token?: string
}

/** Throws HubTrouble. */
export const askHub = async ({ url, proxy, token }: Question): Promise<HubAnswer> => {
  const socket = proxy ? await tunnel(url, proxy) : undefined
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const options = {
      headers,
      timeout: patienceMs,
      agent: false as const,
      ...(socket ? { socket, createConnection: () => socket } : {}),
    }
    const asked = send(url, options, answer => {
      answer.destroy()
      const date = new Date(answer.headers.date ?? '')
      resolve({ status: answer.statusCode ?? 0, date: Number.isNaN(date.getTime()) ? undefined : date })
    })
    asked.once('timeout', () => asked.destroy(new HubTrouble('hub', 'ETIMEDOUT')))
    asked.once('error', error => reject(toTrouble('hub', error)))
    asked.end()
  })
}

const toTrouble = (where: 'proxy' | 'hub', error: Error): HubTrouble =>
  error instanceof HubTrouble
    ? error
    : new HubTrouble(where, (error as NodeJS.ErrnoException).code ?? error.message)

const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'https:' ? 443 : 80)

/** A way through the proxy that ends at the hub. */
const tunnel = (url: URL, proxy: URL): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const path = `${url.hostname}:${portOf(url)}`
    const secret = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
    const headers = proxy.username
      ? { 'proxy-authorization': `Basic ${Buffer.from(secret).toString('base64')}` }
      : {}
    const asked = httpRequest({
      host: proxy.hostname,
      port: portOf(proxy),
      method: 'CONNECT',
      path,
      headers,
      timeout: patienceMs,
    })
    asked.once('connect', (answer, socket) => {
      if (answer.statusCode === 200) resolve(socket)
      else reject(new HubTrouble('proxy', String(answer.statusCode)))
    })
    asked.once('response', answer => reject(new HubTrouble('proxy', String(answer.statusCode))))
    asked.once('timeout', () => asked.destroy(new HubTrouble('proxy', 'ETIMEDOUT')))
    asked.once('error', error => reject(toTrouble('proxy', error)))
    asked.end()
  })
