// Ten thousand hostile objects beside two good Models and a good Runtime, a hundred at a time: nothing breaks, the good ones hardly notice.
import { describe, expect, it } from 'vitest'
import { seedsOf } from '../simulation/random.ts'
import { perWorld, play } from './bad-company.ts'

const worlds = 10_000 / perWorld

describe('Hostile objects', () => {
  it(`${perWorld * worlds} of them, stored past the schema and meddled with, disturb nobody`, async () => {
    const calm = await play(0, false)
    expect(calm).toMatchObject({ isReady: true, isReadyStill: true, violations: [] })
    for (const seed of seedsOf(worlds)) {
      const { looks, readyAfter, ...seen } = await play(seed, true)
      const replay = `SWITCHYARD_SEED=${seed} npx vitest run --project simulation test/poison`
      expect({ replay, ...seen }).toEqual({
        ...{ replay, seed, isReady: true, isReadyStill: true, violations: [], mute: [], left: [] },
      })
      expect({ replay, isLater: readyAfter > calm.readyAfter }).toEqual({ replay, isLater: false })
      expect({ replay, isBusier: looks > calm.looks * 1.1 }).toEqual({ replay, isBusier: false })
    }
  })
})
