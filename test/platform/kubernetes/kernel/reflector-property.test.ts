// The reflector under any sequence of changes, cuts, refusals and expiries: at rest it shows what the server has.
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Reflector, type ReflectorOptions } from '../../../../src/platform/kubernetes/kernel/reflector.ts'
import { CONFIG_MAP } from '../../../../src/platform/kubernetes/kernel/resources.ts'
import { ApiServerStandIn, type Thing } from './api-server.ts'
import { foldEvents, versionOf } from './told.ts'
import { openWire } from './wire.ts'

const quick: ReflectorOptions = {
  backoff: { firstMs: 5, longestMs: 20, healthyAfterMs: 1000 },
  isFrozen: true,
  random: () => 0.5,
  pageSize: 2,
}

let server: ApiServerStandIn
let reflector: Reflector<Thing>

const isAtRest = () =>
  JSON.stringify(reflector.list().map(versionOf).sort()) ===
  JSON.stringify([...server.things.values()].map(versionOf).sort())
const rest = async (): Promise<void> => {
  for (const endsAt = performance.now() + 5_000; !(reflector.isSynced && isAtRest()); await sleep(2))
    if (performance.now() > endsAt) throw new Error('it did not come to rest')
}

type Command =
  | { readonly do: 'put' | 'remove'; readonly name: string }
  | { readonly do: 'cut'; readonly how: 'reset' | 'end' | 'gone' | 'torn' }
  | { readonly do: 'compact' | 'bookmark' | 'fail' | 'expire' | 'refill' | 'pause' }

const play = async (command: Command): Promise<void> => {
  switch (command.do) {
    case 'put':
      return void server.put('n', command.name)
    case 'remove':
      return server.remove('n', command.name)
    case 'cut':
      return server.cut(command.how)
    case 'fail':
      return void server.refusals.push({ code: 503, reason: 'ServiceUnavailable' })
    case 'expire':
      server.expiredPages = 2
      return
    case 'refill':
      return reflector.refill()
    case 'pause':
      return sleep(4)
    default:
      return server[command.do]()
  }
}

describe('Whatever happens to server and connection', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  const command: fc.Arbitrary<Command> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), name }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), name }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('cut' as const),
        how: fc.constantFrom('reset', 'end', 'gone', 'torn'),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('compact', 'bookmark', 'fail', 'expire', 'refill') }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('pause' as const) }) },
  )

  it('the store equals the server at rest, and so does what a listener was told', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { maxLength: 30, size: 'max' }),
        fc.boolean(),
        async (commands, canStream) => {
          server = new ApiServerStandIn()
          server.canStreamLists = canStream
          const here = await openWire(server.answer)
          reflector = new Reflector<Thing>(
            here.client,
            { resource: CONFIG_MAP, transform: thing => thing },
            quick,
          )
          const listener = foldEvents<Thing>()
          reflector.subscribe(listener.fold)
          reflector.start()
          for (const each of commands) await play(each)
          await rest()
          expect(listener.contradictions).toEqual([])
          expect([...listener.known.values()].sort()).toEqual(reflector.list().map(versionOf).sort())
          await reflector.stop()
          await here.close()
        },
      ),
      { numRuns: 60 },
    )
  })
})
