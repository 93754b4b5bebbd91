// One short schedule for a question: is work created twice, or a finished download fetched once more?
import { evict, expire, loseResult } from '../../src/platform/memory/memory-mishaps.ts'
import type { Fate } from '../../src/platform/memory/memory-process.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { writeModel } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { type Played, play, type Scene, type Weather } from './play.ts'
import { randomOf } from './random.ts'
import { aFor, isReady, type Scenario } from './scenario.ts'

type Random = () => number

const one: Scenario = {
  name: 'one Model',
  seconds: 2,
  scene: onGpu,
  steps: [{ does: aFor(), until: isReady('a') }],
}
const two: Scenario = {
  ...one,
  name: 'two Models',
  steps: [
    {
      does: world => {
        aFor()(world)
        writeModel(world, 'b', { runtimes: [{ name: 'gpu' }] })
      },
      until: world => isReady('a')(world) && isReady('b')(world),
    },
  ],
}

/** What else may happen in a schedule, besides late views, kills, and writes that fail or stay unanswered. */
const kinds = ['one leader', 'Jobs come to harm', 'an old leader goes on'] as const
type Kind = (typeof kinds)[number]

const fateOf = (roll: number, kind: Kind): Fate => {
  if (roll < 0.05) return 'KilledBefore'
  if (roll < 0.1) return 'KilledUnanswered'
  if (roll < 0.15) return 'KilledAfter'
  if (roll < 0.22) return 'FailsBefore'
  if (roll < 0.3) return 'FailsAfter'
  if (kind !== 'an old leader goes on') return undefined
  if (roll < 0.33) return 'KilledInFlight'
  return roll < 0.38 ? 'Late' : undefined
}

interface Harm {
  /** ids whose Job was taken away before it was settled */
  readonly expired: string[]
}

/** An ended Job loses its pod or expires, a running one is evicted or its node is lost: at most twice. */
const harmJobs = ({ world }: Scene, random: Random, { expired }: Harm): void => {
  let left = 2
  world.works.subscribe(({ name }) => {
    if (left === 0 || random() > 0.15) return
    left--
    world.clock.after(random() * 1_500, () => {
      const work = world.works.get(name)
      const roll = random()
      if (!work || roll < 0.3) return evict(world, name)
      if (roll < 0.6) return loseResult(world, name, 'the pod is gone, and with it what it found')
      expired.push(work.order.id)
      expire(world, name)
    })
  })
}

const weatherOf = (random: Random, kind: Kind, harm: Harm): Weather => {
  let isBad = true
  return {
    stepSeconds: 600,
    restSeconds: 15,
    options: ({ world, restart }) => ({
      random,
      lagMs: () => (isBad && random() < 0.5 ? random() * 2_500 : 0),
      fate: () => {
        const fate = isBad ? fateOf(random(), kind) : undefined
        if (fate?.startsWith('Killed')) world.clock.after(random() * 3_000, restart)
        return fate
      },
    }),
    begins: scene => {
      scene.world.clock.after(random() * 15_000 + 5_000, () => {
        isBad = false
        scene.lead()
      })
      if (kind === 'Jobs come to harm') harmJobs(scene, random, harm)
      if (kind === 'an old leader goes on') scene.world.clock.after(random() * 4_000, scene.start)
    },
    clears: scene => {
      isBad = false
      scene.lead()
    },
  }
}

/** Downloads that brought bytes, beyond one for each Model. */
const repeatedDownloads = ({ done }: World): string[] => {
  const fetching = done
    .filter(work => work.command === 'download' && work.fetched > 0)
    .map(work => work.owner)
  return fetching.filter((owner, i) => fetching.indexOf(owner) !== i)
}

/** Works that were created once more although nobody had taken the first away. */
const doubleCreates = ({ begun }: World, { expired }: Harm): string[] => {
  const ids = begun.map(order => order.id)
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i)
  return twice.filter(id => !expired.includes(id))
}

const check = (kind: Kind, { world, violations }: Played, harm: Harm) => ({
  // Two leaders may start two Models' workers on one volume at once: each publishes whole files only.
  violations: violations.filter(one => kind !== 'an old leader goes on' || !one.startsWith('two works run')),
  repeated: repeatedDownloads(world),
  // A deposed leader may create once more what the next one has settled: it is ended, and finds its bytes there.
  created: kind === 'an old leader goes on' ? [] : doubleCreates(world, harm),
  works: world.works.list().length,
})

export const playSchedule = async (seed: number) => {
  const kind = kinds[seed % kinds.length] ?? 'one leader'
  const harm: Harm = { expired: [] }
  const played = await play(seed % 4 === 0 ? two : one, weatherOf(randomOf(seed), kind, harm))
  return { kind, ...check(kind, played, harm) }
}
