// Every row of the misbehaviour library: the production loop against real engine processes, and an honest witness beside it.
import { afterAll, describe, expect, it } from 'vitest'
import { type Misbehaviour, misbehaviours } from '../stand-ins/engine/misbehaviours.ts'
import { calm, provoke } from './provoke.ts'
import { openStage, type Stage } from './stage.ts'

/** What the figures are asserted with: the library's promise, and room for a machine with other work. */
const promisedSeconds = 10
const slackMs = 3_000

/** How long Ready may be behind the truth, with the stage's proof interval of 2 s and time-out of 3 s. */
const boundMs = { exit: 2_000, look: 2_000, hang: 5_000 }

interface Figure {
  readonly row: string
  readonly seconds: number
  readonly lieSeconds: number
}

const figures: Figure[] = []
const rowName = (row: Misbehaviour): string => `${row.engine} ${row.when}: an engine that ${row.does}`

const wanted = ({ when }: Misbehaviour): string => (when === 'Second' || when === 'Leaving' ? 'b' : 'a')

const expectSaid = async (stage: Stage, row: Misbehaviour): Promise<number> => {
  const since = await provoke(stage, row)
  if (row.says === 'Active') return (await stage.untilActive(wanted(row))) - since
  const said = await stage.untilSaid(row.says, since, ((row.after ?? 0) + promisedSeconds) * 1_000)
  if (row.told) expect(said.message).toMatch(row.told)
  return said.at - since - (row.after ?? 0) * 1_000
}

/** What comes of it: the phase that it ends in, or Ready again when the cause has gone. */
const expectEnd = async (stage: Stage, row: Misbehaviour): Promise<void> => {
  if (row.ends === 'Active')
    await stage.untilActive(row.when === 'Second' || row.when === 'Leaving' ? 'b' : 'a')
  else if (row.ends) await stage.until(({ status }) => status.phase === row.ends, 45_000)
  if (row.ends === 'RolledBack') {
    expect(stage.status.lastSwitch?.reason).toBe(row.says)
    expect(stage.status.active?.model).toBe('a')
  }
  if (row.heals === true) await calm(stage)
  if (row.heals) await stage.untilActive('a', 45_000)
}

describe('The misbehaviour library', () => {
  it.concurrent.for(misbehaviours.map(row => [rowName(row), row] as const))(
    '%s',
    { timeout: 120_000 },
    async ([name, row], { expect, onTestFinished }) => {
      const stage = await openStage(row)
      onTestFinished(() => stage.end())
      const ms = await expectSaid(stage, row)
      if (row.disturbance === 'crowd') await stage.hold(12_000)
      await expectEnd(stage, row)
      const { longestLie, falseWhileServing } = stage.oracle.judge()
      figures.push({ row: name, seconds: ms / 1_000, lieSeconds: longestLie / 1_000 })
      expect(longestLie).toBeLessThanOrEqual(boundMs[row.bound ?? 'look'] + slackMs)
      if (row.disturbance === 'crowd') expect(falseWhileServing).toBe(0)
    },
  )

  afterAll(() => {
    const lines = figures.map(
      one =>
        `${one.seconds.toFixed(1).padStart(5)} s until said, ${one.lieSeconds.toFixed(1).padStart(4)} s wrongly Ready  ${one.row}`,
    )
    console.log(lines.sort().join('\n'))
  })
})
