// Watches the Runtime of the story until it serves a model: drawn live on a terminal, else a line for each change a person would want to see.
import { setTimeout as sleep } from 'node:timers/promises'
import { statusLines } from '../../src/cli/status-lines.ts'
import { judge } from '../../src/cli/wait.ts'
import { findCondition } from '../../src/domain/conditions.ts'
import type { Model, Runtime } from '../../src/domain/object.ts'
import type { Machine } from './machine.ts'
import type { Teller } from './teller.ts'

const patienceMs = 30 * 60_000

export const untilServes = async ({ client }: Machine, model: string, teller: Teller): Promise<void> => {
  const show = toScreen(teller)
  for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(200)) {
    const all = (await Promise.all([client.list('Runtime'), client.list('Model')])).flat()
    const objects = all.map(({ object }) => object)
    show(objects)
    const runtime = objects.find(one => one.kind === 'Runtime' && one.metadata.name === 'here')
    const wanted = objects.find(one => one.kind === 'Model' && one.metadata.name === model)
    if (runtime?.kind !== 'Runtime' || !wanted) continue
    const stuck = [wanted, runtime].find(isStuck)
    if (stuck) throw new Error(`${stuck.kind} ${stuck.metadata.name}: ${messageOf(stuck)}`)
    if (judge(runtime) === 'done') return
  }
  throw new Error(`${model} was not served within ${patienceMs / 60_000} minutes`)
}

const isStuck = ({ status }: Model | Runtime): boolean =>
  findCondition(status.conditions as never, 'Stalled')?.status === 'True'

const messageOf = ({ status }: Model | Runtime): string =>
  findCondition(status.conditions as never, 'Ready')?.message ?? ''

const toScreen = (teller: Teller) => {
  const printer = teller.printer()
  const told = new Map<string, string>()
  return (objects: readonly (Model | Runtime)[]): void => {
    const runtimes = objects.filter(one => one.kind === 'Runtime')
    const models = objects.filter(one => one.kind === 'Model')
    const tint: typeof printer.tint = (how, text) => printer.tint(how, text)
    if (printer.isLive) {
      printer.live(statusLines({ runtimes, models, now: new Date(), tint }))
      return
    }
    for (const object of objects) {
      const state = stateOf(object)
      if (!object.status.phase || told.get(object.metadata.uid) === state) continue
      told.set(object.metadata.uid, state)
      const alone =
        object.kind === 'Model' ? { models: [object], runtimes: [] } : { models: [], runtimes: [object] }
      teller.say(`${object.kind} ${statusLines({ ...alone, now: new Date(), tint })[1]?.trim()}`)
    }
  }
}

/** Every fifth of a download is a change. */
const stateOf = ({ status }: Model | Runtime): string => {
  const percent = 'progress' in status ? Math.floor((status.progress?.percent ?? 0) / 20) : 0
  const step = 'switch' in status ? status.switch?.step : undefined
  return [status.phase, step, percent].join(' ')
}
