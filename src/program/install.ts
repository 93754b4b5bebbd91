// `switchyard install` and `uninstall`: this program as a service of the machine or of one user, and a vLLM unit of somebody else that it
// may switch.
import { parseArgs } from 'node:util'
import { scripts } from '../cli/complete.ts'
import { adoptedUnits, adoptUnit, releaseUnit, releaseUnits } from '../platform/host/systemd/adoption.ts'
import { install, type Purge, uninstall } from '../platform/host/systemd/install.ts'
import { installUser, uninstallUser } from '../platform/host/systemd/install-user.ts'
import { readUserSettings } from '../settings.ts'
import { foreignCopies } from '../worker/foreign-copies.ts'
import { askPerson } from './ask-person.ts'

const say = (line: string): void => console.log(line)

const parts = { bundle: process.argv[1] ?? '', node: process.execPath, completions: scripts, say }

const installOptions = {
  user: { type: 'boolean' },
  unit: { type: 'string' },
  models: { type: 'string' },
} as const
const uninstallOptions = {
  user: { type: 'boolean' },
  unit: { type: 'string' },
  'purge-models': { type: 'boolean' },
  yes: { type: 'boolean' },
} as const

export const installMain = async (args: readonly string[]): Promise<number> => {
  const { unit, models, user } = parseArgs({ args: [...args], options: installOptions }).values
  if (user) return refuseUnit({ unit, models }) ?? installUser({ ...parts, user: readUserSettings() })
  if (unit !== undefined) return adoptUnit({ ...parts, unit, ...(models === undefined ? {} : { models }) })
  if (models !== undefined) throw new Error('--models goes with --unit: the folder that the unit may read')
  return install(parts)
}

export const uninstallMain = async (args: readonly string[]): Promise<number> => {
  const wish = parseArgs({ args: [...args], options: uninstallOptions }).values
  if (!wish.user && wish.unit !== undefined) return releaseUnit(wish.unit, say)
  const ask = async (question: string): Promise<boolean> => wish.yes === true || askPerson(question)
  const purge: Purge = { isWanted: wish['purge-models'] === true, ask, foreign: foreignCopies }
  if (wish.user) return refuseUnit(wish) ?? uninstallUser({ say, user: readUserSettings() }, purge)
  return uninstall({ say, release: () => releaseUnits(adoptedUnits(), say) }, purge)
}

const refuseUnit = (given: {
  readonly unit?: string | undefined
  readonly models?: string | undefined
}): undefined => {
  if (given.unit !== undefined || given.models !== undefined)
    throw new Error('--unit is for the daemon of the machine: leave --user away, and run it as root')
}
