// Runs in a unit of somebody else, as its account, which may be root: puts the wished model into the unit's own command and becomes it. What it
// reads was written by an account that may be less, so each word is made anew here by the rules that the daemon itself is bound to.
import { realpathSync } from 'node:fs'
import { launchVllm } from '../../../domain/engine-facts/vllm-launch.ts'
import { checkEngineArgs } from '../../../domain/engine-facts/vllm-owned.ts'
import { show } from '../../../domain/names.ts'
import type { Adoption } from './adoption-render.ts'
import type { UnitLaunch } from './unit-wish.ts'

/** As names of Models are, and aliases. */
const servedName = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,252}$/

const isWithin = (path: string, folder: string): boolean => path.startsWith(`${folder}/`)

/** Throws a sentence for what leads out of the folder of models. */
const checkModel = (model: string, models: string): void => {
  const isPlain = model.startsWith('/') && !/(^|\/)\.\.?(\/|$)|[\x00-\x1f]/.test(model)
  if (isPlain && isWithin(realpathSync(model), realpathSync(models))) return
  throw new Error(`${show(model)} does not stand in ${models}`)
}

/** The unit's own words with another model; they themselves when none is wished. */
export const wordsFor = (
  { models }: Pick<Adoption, 'models'>,
  own: readonly string[],
  launch: UnitLaunch | undefined,
): readonly string[] => {
  if (!launch) return own
  const { model, servedNames, args } = launch
  checkModel(model, models)
  const odd = servedNames.find(name => !servedName.test(name))
  if (odd !== undefined || servedNames.length === 0) throw new Error(`${show(odd)} is no served name`)
  checkEngineArgs(args)
  const recipe = {
    engine: 'VLLM',
    model,
    identity: model,
    servedNames,
    args,
    task: 'Chat',
    hash: '',
  } as const
  const { command = own, args: more = [] } = launchVllm(recipe, { command: own, args: [], env: {}, port: 0 })
  return [...command, ...more]
}
