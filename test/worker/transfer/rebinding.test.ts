// A name that answers differently each time it is asked: the address that was looked at is the address that is connected to.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGuardedFetch, guard, isRefused, type Lookup } from '../../../src/worker/transfer/guard.ts'
import { RangeSocket } from '../../../src/worker/transfer/range-socket.ts'
import { type Hub, startHub } from '../../stand-ins/hub.ts'
import { type Listening, listen } from '../../stand-ins/listening.ts'
import { toSafetensors } from '../../stand-ins/weights.ts'
import { openWorkplace } from '../workplace.ts'

const good = '127.0.0.1'
const metadata = '169.254.169.254'

/** Answers one list of addresses after the other, the last for ever. */
const resolver = (...answers: readonly (readonly string[])[]) => {
  const asked: string[] = []
  const look: Lookup = (hostname, options, done) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? []
    asked.push(hostname)
    const all = addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
    if (options.all) done(null, all)
    else done(null, addresses[0] ?? '', all[0]?.family)
  }
  return { look: guard(look), asked }
}

let server: Listening
let seen: string[]
beforeEach(async () => {
  seen = []
  server = await listen(
    (request, response) => {
      seen.push(request.headers.host ?? '')
      response.writeHead(200, { connection: 'close' }).end('bytes')
    },
    { host: good, port: 0 },
  )
})
afterEach(() => server.close())

const causeOf = async (asking: Promise<Response>): Promise<string> => {
  try {
    return `answered ${(await asking).status}`
  } catch (error) {
    return String(((error as Error).cause as Error | undefined)?.message ?? error)
  }
}

describe('a name that is rebound', () => {
  it('to the metadata service after its first answer is refused with the next connection', async () => {
    const { look, asked } = resolver([good], [metadata])
    const ask = createGuardedFetch(false, look)
    const url = `http://rebound.test:${server.port}/`
    expect(await (await ask(url)).text()).toBe('bytes')
    expect(await causeOf(ask(url))).toContain(`rebound.test is at ${metadata}`)
    expect(asked.length).toBe(2)
    expect(seen.length).toBe(1)
  })

  it('is asked for once a connection: there is no second answer to connect to', async () => {
    const { look, asked } = resolver([good])
    const ask = createGuardedFetch(false, look)
    for (let n = 0; n < 3; n++) await (await ask(`http://one.test:${server.port}/`)).text()
    expect(asked.length).toBe(seen.length)
  })

  it('to one good and one bad address is refused, whichever comes first', async () => {
    for (const answer of [
      [good, metadata],
      [metadata, good],
      ['::ffff:a9fe:a9fe', good],
    ]) {
      const ask = createGuardedFetch(false, resolver(answer).look)
      expect(await causeOf(ask(`http://both.test:${server.port}/`))).toContain(
        'no model is fetched from there',
      )
    }
    expect(seen).toEqual([])
  })
})

describe('past a proxy', () => {
  const names = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'] as const
  afterEach(() => {
    for (const name of names) delete process.env[name]
  })

  const ways: [string, Partial<Record<(typeof names)[number], string>>][] = [
    ['for https only', { HTTPS_PROXY: 'http://127.0.0.1:9' }],
    ['that NO_PROXY goes around', { HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: '.test,169.254.169.254' }],
  ]
  it.each(ways)('%s no refused address is reached either', async (_, environment) => {
    Object.assign(process.env, environment)
    const ask = createGuardedFetch(true, resolver([metadata]).look)
    expect(await causeOf(ask('http://rebound.test/latest/meta-data/'))).toContain(`is at ${metadata}`)
    await expect(ask(`http://${metadata}/latest/meta-data/`)).rejects.toThrow(
      'no model is fetched from there',
    )
  })
})

it('a range socket refuses an address of the surroundings before it connects', async () => {
  const never = new AbortController().signal
  await expect(RangeSocket.open(new URL(`http://${metadata}/`), never)).rejects.toThrow('no model is fetched')
})

it.each([
  ['fd00:ec2::23', true],
  ['fd20:ce::254', true],
  ['::ffff:a9fe:a9fe', true],
  ['::ffff:169.254.170.2', true],
  ['64:ff9b::a9fe:a9fe', true],
  ['64:ff9b::6464:64c8', true],
  ['::a9fe:a9fe', true],
  ['2002:a9fe:a9fe::1', true],
  ['fe80::1%eth0', true],
  ['64:ff9b::5db8:d822', false],
  ['2002:5db8:d822::1', false],
  ['::1', false],
  ['fd00:ec3::1', false],
])('%s is refused: %s', (address, expected) => {
  expect(isRefused(address)).toBe(expected)
})

it.each([
  'http://2852039166/',
  'http://0xa9fea9fe/',
  'http://[::ffff:169.254.169.254]/',
  'http://169.254.43518/',
])('%s is the metadata service however it is written', async url => {
  await expect(createGuardedFetch(false)(url)).rejects.toThrow('no model is fetched from there')
})

describe('a download', () => {
  let hub: Hub
  beforeEach(async () => {
    hub = await startHub({ repos: [{ id: 'acme/tiny', files: { 'model.safetensors': toSafetensors('w') } }] })
  })
  afterEach(() => hub.close())

  it('whose CDN is rebound ends as a refusal, not as a trouble that is tried again', async () => {
    const fetch = createGuardedFetch(false, resolver([metadata]).look)
    const place = openWorkplace('HubCache', hub.url, { fetch })
    hub.setFault('model.safetensors', { kind: 'redirectTo', url: `http://cdn.test:${server.port}/weights` })
    const { result } = await place.fetch({ huggingFace: { repo: 'acme/tiny', revision: 'main' } })
    place.close()
    expect(result.failure).toMatchObject({ reason: 'SourceUnavailable', retry: 'Never' })
    expect(seen).toEqual([])
  })
})
