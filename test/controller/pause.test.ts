import { describe, expect, it } from 'vitest'
import { createPause } from '../../src/controller/pause.ts'

describe('Many looks in a row', () => {
  it('let what waits outside have its turn, although no look waits for anything', async () => {
    const pause = createPause()
    let isHeard = false
    setImmediate(() => {
      isHeard = true
    })
    for (let looks = 0; !isHeard && looks < 100_000_000; looks++) await pause()
    expect(isHeard).toBe(true)
  })
})
