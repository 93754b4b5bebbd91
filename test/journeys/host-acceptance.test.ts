// The acceptance list of a host: each point is the name of a test, in the file that the table of docs/host.md says; and the point that needs minutes, in
// a world whose clock is ours.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { runtimeIn } from '../builders/memory-stage.ts'
import { openStage } from './memory-story.ts'

const repository = join(import.meta.dirname, '../..')
const page = readFileSync(join(repository, 'docs/host.md'), 'utf8')
const rows = [...page.matchAll(/^\| (\d+\. .+?) \| (.+?) \|$/gm)].map(([, point = '', files = '']) => ({
  point,
  files: [...files.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file),
}))

describe('The acceptance list in docs/host.md', () => {
  it('has twenty points', () => {
    expect(rows.map(({ point }) => Number.parseInt(point, 10))).toEqual([...Array(20).keys()].map(n => n + 1))
  })

  it.each(rows)('$point', ({ point, files }) => {
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) expect(readFileSync(join(repository, file), 'utf8')).toContain(`('${point}`)
  })
})

let open: ReturnType<typeof openStage> | undefined
afterEach(() => open?.close())

describe('A Runtime whose engine takes its time', () => {
  it('15. A cold start longer than 30 s is not a failure', async () => {
    const stage = openStage(onGpu)
    open = stage
    stage.world.script.loadSeconds = 300
    writeModel(stage.world, 'a')
    writeRuntime(stage.world, 'gpu', 'VLLM', { activeModel: 'a' })
    await stage.until('a serves', () => runtimeIn(stage.world, 'gpu')?.status.phase === 'Active')
    const { lastSwitch, operations } = runtimeIn(stage.world, 'gpu')?.status ?? {}
    expect(lastSwitch).toMatchObject({ result: 'Committed', to: { model: 'a' } })
    expect(operations?.map(({ type, phase }) => [type, phase])).toEqual([['Activate', 'Succeeded']])
    expect(operations?.[0]?.durationSeconds).toBeGreaterThan(300)
  })
})
