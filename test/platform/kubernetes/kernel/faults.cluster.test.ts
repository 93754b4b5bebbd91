// The kernel through the fault proxy on a real API server: each fault once, all beside each other, each in a namespace of its own.
import { beforeAll, describe, expect, it } from 'vitest'
import { type Findings, findKubeconfig, play } from './fault-scene.ts'
import { table } from './fault-table.ts'

const kubeconfig = findKubeconfig()
const stamp = Date.now().toString(36)

describe.skipIf(kubeconfig === undefined)('The kernel on a real API server', () => {
  const findings = new Map<string, Promise<Findings>>()

  beforeAll(() => {
    for (const [n, row] of table.entries()) {
      const playing = play(kubeconfig ?? '', `fault-${stamp}-${n}`, row)
      playing.catch(() => undefined)
      findings.set(row.name, playing)
    }
  })

  it.each(table)('lives through $name', async row => {
    const found = (await findings.get(row.name)) as Findings
    expect(found.store).toEqual(found.server)
    expect(found.told).toEqual(found.server)
    expect(found.contradictions).toEqual([])
    expect([found.lost, found.doubled]).toEqual([[], []])
    expect(found.heard.filter(reason => !row.hears.includes(reason))).toEqual([])
    if (row.hears.length > 0 && !row.isMildByChance) expect(found.heard).not.toEqual([])
    expect(found.restarts).not.toContain('Unknown')
    if (row.losesEvents) expect(found.seriesCounts.length).toBeLessThanOrEqual(1)
    else expect(found.seriesCounts).toEqual([3])
    expect(found).toMatchObject({ holder: 'us', leaderChanges: 0 })
    if (!row.mayLoseLease) expect(found.isLeading).toBe(true)
    expect(found.afresh > 0, `${found.afresh} fills after the first`).toBe(row.readsAfresh === true)
  })
})
