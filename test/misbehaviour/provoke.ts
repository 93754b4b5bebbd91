// Brings an engine to misbehave as a row says, and takes it back.
import { statSync, truncateSync } from 'node:fs'
import type { Misbehaviour } from '../stand-ins/engine/misbehaviours.ts'
import type { EngineProcess } from '../stand-ins/engine/start.ts'
import { awakeNow } from './awake-time.ts'
import type { Stage } from './stage.ts'

const post = (engine: EngineProcess, path: string, body: object = {}) =>
  fetch(engine.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

/** The moment at which it was wrong. */
export const provoke = async (stage: Stage, row: Misbehaviour): Promise<number> => {
  if (row.when === 'First') {
    await stage.kubelet.setFaults(row.faults ?? [])
    return wish(stage, 'a')
  }
  stage.wish({ activeModel: 'a' })
  await stage.untilActive('a')
  await stage.kubelet.setFaults(row.faults ?? [])
  if (row.disturbance) await disturb(stage, row.disturbance)
  const since = awakeNow()
  if (row.when === 'Serving') return since
  if (row.when === 'Leaving' && row.disturbance === 'cutOff') await stage.untilSaid(row.says, since, 10_000)
  return wish(stage, 'b', row.when === 'Leaving')
}

/** Wrong from the moment on at which the engine that is to load it has started; at once in place, and when the old one is the trouble. */
const wish = async (stage: Stage, model: string, isAtOnce = false): Promise<number> => {
  const asked = awakeNow()
  stage.wish({ activeModel: model })
  if (isAtOnce || stage.isInPlace) return asked
  await stage.until(({ kubelet }) => kubelet.newestStart >= asked, 15_000)
  return stage.kubelet.newestStart
}

const disturb = async (stage: Stage, how: NonNullable<Misbehaviour['disturbance']>): Promise<void> => {
  const [engine] = stage.kubelet.engines
  if (!engine) throw new Error('no engine runs')
  const acts: Record<typeof how, () => unknown> = {
    kill: () => process.kill(engine.pid, 'SIGKILL'),
    freeze: () => process.kill(engine.pid, 'SIGSTOP'),
    cutOff: () => {
      stage.isCutOff = true
    },
    sleep: () => post(engine, '/sleep?level=1'),
    wake: async () => {
      await post(engine, '/sleep?level=1')
      void post(engine, '/wake_up').catch(() => undefined)
    },
    evict: () => post(engine, '/api/generate', { model: 'a:latest', keep_alive: 0 }),
    truncate: () => cutShort(stage.scenery.laid.find(one => one.model === 'b')?.weights ?? ''),
    undead: () => {
      stage.kubelet.hasUndeadPods = true
    },
    crowd: () => crowd(stage, engine),
  }
  await acts[how]()
}

const cutShort = (file: string): void => truncateSync(file, Math.floor(statSync(file).size / 2))

/** As many clients as a busy day has: each asks again when it is answered, until the stage ends. */
const crowd = (stage: Stage, engine: EngineProcess): void => {
  const body = { model: 'active', messages: [{ role: 'user', content: 'Tell me a story.' }], max_tokens: 64 }
  const ask = async (): Promise<void> => {
    while (!stage.isOver) {
      await post(engine, '/v1/chat/completions', body)
        .then(answer => answer.text())
        .catch(() => undefined)
    }
  }
  for (let n = 0; n < 400; n++) void ask()
}

/** Takes back what can be taken back. */
export const calm = async (stage: Stage): Promise<void> => {
  stage.isCutOff = false
  for (const engine of stage.kubelet.engines) process.kill(engine.pid, 'SIGCONT')
  await stage.kubelet.setFaults([])
  for (const engine of stage.kubelet.engines) await post(engine, '/wake_up').catch(() => undefined)
}
