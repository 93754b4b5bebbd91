// Waits until a Runtime is what was asked for, with its line drawn live; ends when a person must act.
import { setTimeout as sleep } from 'node:timers/promises'
import { findCondition } from '../domain/conditions.ts'
import { showSeconds } from '../domain/crd-display.ts'
import type { Runtime } from '../domain/object.ts'
import { type Client, Refusal } from './client.ts'
import type { Stage } from './stage.ts'
import { statusLines } from './status-lines.ts'

const isTrue = (runtime: Runtime, type: 'Ready' | 'Stalled'): boolean =>
  findCondition(runtime.status.conditions as never, type)?.status === 'True'

/** What it came to; undefined while it goes on. */
export const judge = ({ spec, status, ...rest }: Runtime): 'done' | 'stuck' | undefined => {
  const runtime = { spec, status, ...rest } as Runtime
  const isSeen = (status.observedGeneration ?? 0) >= runtime.metadata.generation
  if (!isSeen || status.switch) return undefined
  if (isTrue(runtime, 'Stalled')) return 'stuck'
  if (spec.desiredState === 'Idle') return status.phase === 'Idle' ? 'done' : undefined
  return isTrue(runtime, 'Ready') && status.active?.model === spec.activeModel ? 'done' : undefined
}

export const waitFor = async (
  { client, runtime }: { readonly client: Client; readonly runtime: Runtime },
  stage: Stage,
  seconds: number,
): Promise<void> => {
  const { print, now } = stage
  const end = now().getTime() + seconds * 1000
  let told = ''
  for (;;) {
    const seen = await client.find('Runtime', runtime.metadata)
    if (!seen) throw new Refusal(`runtime/${runtime.metadata.name} is gone`)
    const found = seen.object as Runtime
    const models = (await client.list('Model', found.metadata.namespace)).map(({ object }) => object)
    const wanted = models.filter(
      one =>
        one.kind === 'Model' && one.metadata.name === found.spec.activeModel && one.status.phase !== 'Ready',
    )
    const tint: typeof print.tint = (how, text) => print.tint(how, text)
    const lines = statusLines({ runtimes: [found], models: wanted as never, now: now(), tint })
    if (print.isLive) print.live(lines)
    else if (found.status.phase !== told) print.line(lines[1]?.trim())
    told = found.status.phase ?? ''
    const verdict = judge(found)
    if (verdict === 'done') return
    if (verdict === 'stuck') throw new Refusal(whyStuck(found), 2)
    if (now().getTime() > end)
      throw new Refusal(`not done after ${showSeconds(seconds)}; it goes on: switchyard status --watch`, 3)
    await sleep(500)
  }
}

const whyStuck = (runtime: Runtime): string => {
  const ready = findCondition(runtime.status.conditions as never, 'Ready')
  const { name } = runtime.metadata
  return `runtime/${name}: ${ready?.reason}: ${ready?.message} (switchyard explain ${ready?.reason})`
}
