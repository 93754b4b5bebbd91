// Which addresses a worker may connect to: looked at when the connection is made, on the address that is really used.
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import { Agent, EnvHttpProxyAgent, fetch as undiciFetch } from 'undici'
import { WorkError } from '../outcome.ts'

const refused = new BlockList()
refused.addSubnet('169.254.0.0', 16, 'ipv4')
refused.addSubnet('fe80::', 10, 'ipv6')
/** What clouds answer their machines' secrets at, outside the link-local ranges. */
for (const address of ['100.100.100.200', '168.63.129.16']) refused.addAddress(address, 'ipv4')
refused.addAddress('fd00:ec2::254', 'ipv6')

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

export const isRefused = (address: string): boolean => refused.check(address, familyOf(address))

const refusal = (host: string, address: string): WorkError =>
  new WorkError(
    'SourceUnavailable',
    `${host} is at ${address}, an address of this machine’s surroundings; no model is fetched from there`,
    { retry: 'Never' },
  )

/** MUST be called for a host that is an address itself: those are not looked up. */
export const checkHost = (hostname: string): void => {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) && isRefused(host)) throw refusal(host, host)
}

type LookedUp = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/** As dns.lookup, with an error for a name that leads to a refused address. */
export const guardedLookup = (hostname: string, options: LookupOptions, done: LookedUp): void => {
  lookup(hostname, options, (error, address, family) => {
    const all = typeof address === 'string' ? [address] : (address ?? []).map(one => one.address)
    const bad = error ? undefined : all.find(isRefused)
    if (bad) done(refusal(hostname, bad), address, family)
    else done(error, address, family)
  })
}

/**
 * The fetch of the worker. Through a proxy when the environment names one (it decides what may be reached then), else only to
 * addresses that are not refused.
 */
export const createGuardedFetch = (hasProxy: boolean): typeof fetch => {
  const dispatcher = hasProxy
    ? new EnvHttpProxyAgent()
    : new Agent({ connect: { lookup: guardedLookup as never } })
  const guarded = async (input: string | URL, init: object = {}) => {
    if (!hasProxy) checkHost(new URL(input).hostname)
    return undiciFetch(input, { ...init, dispatcher })
  }
  return guarded as unknown as typeof fetch
}
