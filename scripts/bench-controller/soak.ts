// Many looks and many lost watches: does what the process holds grow?
import { model, namespaceOf, runtime } from '../../test/journeys/engines.ts'
import { create } from '../bench/place.ts'
import { openFiles } from '../bench/process.ts'
import type { Look, Wish } from './bare-controller.ts'
import { type Gate, openGate } from './gate.ts'
import { type Helper, until } from './program.ts'
import { startController } from './rate.ts'
import { type Row, rounded } from './row.ts'
import { eachOf, type Stage } from './stage.ts'

export interface SoakWish {
  readonly reconciles: number
  readonly drops: number
}

/** Every Model names the one Runtime, so that a change of it is a look at each of them. */
const models = 400
const runtimePath = '/apis/switchyard.dev/v1alpha1/namespaces/soak/runtimes/one'

export async function measureSoak(stage: Stage, wish: SoakWish): Promise<Row[]> {
  const names = Array.from({ length: models }, (_, n) => `model-${n}`)
  const spec = { source: { huggingFace: { repo: 'tiny/alpha' } }, runtimes: [{ name: 'one' }] }
  await create(stage.api, [namespaceOf('soak')])
  await create(stage.api, [
    runtime('soak', 'one', { engine: 'VLLM', kubernetes: { deploymentName: 'not-there-yet' } }),
  ])
  await eachOf(names, 16, name => create(stage.api, [model('soak', name, spec)]))
  const gate = await openGate(stage)
  const controller = await startController(stage, gate.url)
  await controller.ask({ do: 'start' })
  await controller.ask({ do: 'run' })
  const track = { stage, gate, controller, drops: 0 }
  await drive(track, { reconciles: wish.reconciles / 10, drops: wish.drops / 10 })
  const before = await lookAtRest(track)
  await drive(track, wish)
  const after = await lookAtRest(track)
  await controller.stop()
  await gate.close()
  return rowsOf(before, after, track.drops)
}

interface Track {
  readonly stage: Stage
  readonly gate: Gate
  readonly controller: Helper<Wish, Look>
  drops: number
}

/** Touches the Runtime and cuts watches in turn until both counts are reached. */
async function drive(track: Track, { reconciles, drops }: SoakWish): Promise<void> {
  const begun = (await track.controller.ask({ do: 'look' })).reconciles + reconciles
  const end = track.drops + drops
  const rounds = Math.ceil(reconciles / models)
  for (let n = 0, seen = 0; seen < begun || track.drops < end; n++) {
    await track.stage.api.request('PATCH', runtimePath, { metadata: { annotations: { touched: `${n}` } } })
    if (track.drops < end && (n * drops) / rounds >= track.drops - (end - drops))
      track.drops += track.gate.cutWatches()
    const target = seen + models
    await until(
      'the Models were looked at',
      async () => {
        seen = (await track.controller.ask({ do: 'look' })).reconciles
        return seen >= target
      },
      { seconds: 10, everyMs: 20 },
    ).catch(() => undefined)
  }
}

type Rest = Look & { readonly files: number; readonly watches: number }

/** Every watch is open again and nothing was looked at for two seconds. */
async function lookAtRest({ controller, gate }: Track): Promise<Rest> {
  let last = -1
  await until(
    'the controller rests',
    async () => {
      const { reconciles } = await controller.ask({ do: 'look' })
      const isSame = reconciles === last
      last = reconciles
      return isSame && gate.openWatches >= 13
    },
    { everyMs: 2_000 },
  )
  const look = await controller.ask({ do: 'look', collect: true })
  return { ...look, files: openFiles(controller.pid), watches: gate.openWatches }
}

function rowsOf(before: Rest, after: Rest, drops: number): Row[] {
  const reconciles = after.reconciles - before.reconciles
  const figure = `soak: ${reconciles} reconciles, ${drops} lost watches`
  const growth = rounded((after.heapBytes / before.heapBytes - 1) * 100, 2)
  return [
    { figure: `${figure}, heap growth`, value: growth, unit: '%', atMost: 3, details: { before, after } },
    { figure: `${figure}, handles more`, value: after.handles - before.handles, unit: '', atMost: 2 },
    { figure: `${figure}, open files more`, value: after.files - before.files, unit: '', atMost: 2 },
  ]
}
