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
refused.addSubnet('fd00:ec2::', 32, 'ipv6')
refused.addAddress('fd20:ce::254', 'ipv6')
/** The same addresses as a network that translates between the two families reaches them. */
for (const prefix of ['64:ff9b::', '::']) {
  refused.addSubnet(`${prefix}a9fe:0`, 112, 'ipv6')
  for (const address of ['6464:64c8', 'a83f:8110']) refused.addAddress(prefix + address, 'ipv6')
}
refused.addSubnet('2002:a9fe::', 32, 'ipv6')

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** A zone (`%eth0`) says through which device, not where. */
export const isRefused = (address: string): boolean =>
  refused.check(address.replace(/%.*$/, ''), familyOf(address))

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

export type Lookup = (hostname: string, options: LookupOptions, done: LookedUp) => void

/** As the lookup that is given, with an error for a name that leads to a refused address. */
export const guard =
  (look: Lookup): Lookup =>
  (hostname, options, done) => {
    look(hostname, options, (error, address, family) => {
      const all = typeof address === 'string' ? [address] : (address ?? []).map(one => one.address)
      const bad = error ? undefined : all.find(isRefused)
      if (bad) done(refusal(hostname, bad), address, family)
      else done(error, address, family)
    })
  }

export const guardedLookup: Lookup = guard(lookup as Lookup)

/**
 * The fetch of the worker. Through a proxy when the environment names one: it decides what a name leads to. What goes past it
 * (NO_PROXY, a proxy for one protocol only) goes to addresses that are not refused, as everything does without one.
 */
export const createGuardedFetch = (hasProxy: boolean, look: Lookup = guardedLookup): typeof fetch => {
  const connect = { lookup: look as never }
  const dispatcher = hasProxy ? new EnvHttpProxyAgent({ connect }) : new Agent({ connect })
  const guarded = async (input: string | URL, init: object = {}) => {
    checkHost(new URL(input).hostname)
    return undiciFetch(input, { ...init, dispatcher })
  }
  return guarded as unknown as typeof fetch
}
