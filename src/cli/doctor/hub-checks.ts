// Checks of the way to the hub: name, proxy, TLS, clock, and whether it takes the tokens of the Models.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { toRepoPath } from '../../domain/names.ts'
import type { Model } from '../../domain/object.ts'
import { type Finding, fault, good, notLooked } from './finding.ts'
import { askHub, type HubAnswer, HubTrouble } from './hub-call.ts'
import { placesOf, type World } from './world.ts'

const publicHub = 'https://huggingface.co'

/** As the worker understands the variables. */
export const proxyFor = (
  { environment }: Pick<World, 'environment'>,
  { protocol, hostname }: URL,
): URL | undefined => {
  const given = (name: string): string | undefined =>
    environment[name] || environment[name.toUpperCase()] || undefined
  const spared = (given('no_proxy') ?? '')
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(one => one.replace(/^\*?\./, ''))
  if (spared.some(one => one === '*' || hostname === one || hostname.endsWith(`.${one}`))) return undefined
  const proxy = given(protocol === 'https:' ? 'https_proxy' : 'http_proxy') ?? given('all_proxy')
  return proxy !== undefined && URL.canParse(proxy) ? new URL(proxy) : undefined
}

export const checkHub = async (world: World): Promise<readonly Finding[]> => {
  const places = placesOf(world)
  if (!places) return [notLooked('Hub', 'the settings do not say which')]
  const url = new URL(places.hubEndpoint ?? publicHub)
  const proxy = proxyFor(world, url)
  try {
    const answer = await askHub({ url, proxy })
    const way = proxy ? ` through ${proxy.host}` : ''
    return [
      good('Hub', `${url.host} answers${way} (${answer.status})`),
      checkClock(world, answer),
      ...(await checkTokens(world, url, proxy)),
    ]
  } catch (error) {
    if (error instanceof HubTrouble) return [toHubFault(url, proxy, error)]
    throw error
  }
}

const privateCa = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
]
const outOfDate = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']

const toHubFault = (url: URL, proxy: URL | undefined, { where, code }: HubTrouble): Finding => {
  const check = 'Hub'
  if (where === 'proxy')
    return fault(
      check,
      `the proxy ${proxy?.host} ${code === '407' ? 'asks for a name and a password' : `does not let us through (${code})`}`,
      code === '407'
        ? 'write them into HTTPS_PROXY: http://name:password@proxy:port'
        : `correct HTTPS_PROXY, or except the hub: NO_PROXY=${url.hostname}`,
    )
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return fault(
      check,
      `the name ${url.hostname} is not known to the DNS (${code})`,
      'look at /etc/resolv.conf, or set SWITCHYARD_HUB_ENDPOINT to a mirror that is known',
    )
  if (privateCa.includes(code))
    return fault(
      check,
      `the certificate of ${url.host} is signed by nobody that Node trusts (${code})`,
      'put your CA into a file and set NODE_EXTRA_CA_CERTS to it, for the daemon too',
    )
  if (outOfDate.includes(code))
    return fault(
      check,
      `the certificate of ${url.host} is not valid now (${code})`,
      'look whether the clock of this machine is right (`date`), else renew it',
    )
  return fault(
    check,
    `${url.host} cannot be reached (${code})`,
    'look at the network and the firewall; behind a proxy, set HTTPS_PROXY; else name a mirror in SWITCHYARD_HUB_ENDPOINT',
  )
}

const mostMinutes = 5

const checkClock = ({ now }: World, { date }: HubAnswer): Finding => {
  if (!date) return notLooked('Clock', 'the hub tells no time')
  const minutes = Math.round((now().getTime() - date.getTime()) / 60_000)
  return Math.abs(minutes) <= mostMinutes
    ? good('Clock', `as the hub’s within ${mostMinutes} minutes`)
    : fault(
        'Clock',
        `${Math.abs(minutes)} minutes ${minutes > 0 ? 'ahead of' : 'behind'} the hub’s: signed addresses and certificates fail`,
        'timedatectl set-ntp true',
      )
}

/** Of one Model for each Secret. */
const checkTokens = async (world: World, url: URL, proxy: URL | undefined): Promise<readonly Finding[]> => {
  const places = placesOf(world)
  if (!places) return []
  const models = world.readManifests(places.manifestsFolder).models
  const secrets = new Map(models.flatMap(model => secretOf(model)))
  return Promise.all(
    [...secrets].map(([path, model]) =>
      checkToken({ file: join(places.secretsFolder, toRepoPath(path)), model, url, proxy }),
    ),
  )
}

const secretOf = ({ metadata, spec }: Model): readonly (readonly [string, string])[] => {
  const secret = spec.source.huggingFace?.tokenSecretRef
  return secret ? [[`${secret.name}/${secret.key}`, metadata.name]] : []
}

interface TokenQuestion {
  readonly file: string
  readonly model: string
  readonly url: URL
  readonly proxy: URL | undefined
}

/** The token goes to the hub and nowhere else. */
const checkToken = async ({ file, model, url, proxy }: TokenQuestion): Promise<Finding> => {
  const check = `Token of ${model}`
  const token = readToken(file)
  if (!token)
    return fault(
      check,
      `${file} is not there, or is empty`,
      `write the token into it: switchyard login, or a file with mode 0600`,
    )
  try {
    const { status } = await askHub({ url: new URL('/api/whoami-v2', url), proxy, token })
    if (status === 401 || status === 403)
      return fault(
        check,
        `${url.host} does not take the token in ${file} (${status})`,
        `make a new one at ${url.origin}/settings/tokens and write it there`,
      )
    return status === 200
      ? good(check, `${url.host} takes it`)
      : notLooked(check, `${url.host} does not tell (${status})`)
  } catch (error) {
    return notLooked(check, `${url.host} did not answer (${(error as Error).message})`)
  }
}

const readToken = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}
