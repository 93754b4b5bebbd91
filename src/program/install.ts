// `switchyard install` and `uninstall`: this program as a service of the machine, and a vLLM unit of somebody else that it may switch.
import { parseArgs } from 'node:util'
import { scripts } from '../cli/complete.ts'
import { adoptedUnits, adoptUnit, releaseUnit, releaseUnits } from '../platform/host/systemd/adoption.ts'
import { install, uninstall } from '../platform/host/systemd/install.ts'
import { foreignCopies } from '../worker/foreign-copies.ts'
import { askPerson } from './ask-person.ts'

const say = (line: string): void => console.log(line)

const parts = { bundle: process.argv[1] ?? '', node: process.execPath, completions: scripts, say }

const installOptions = { unit: { type: 'string' }, models: { type: 'string' } } as const
const uninstallOptions = {
  unit: { type: 'string' },
  'purge-models': { type: 'boolean' },
  yes: { type: 'boolean' },
} as const

export const installMain = async (args: readonly string[]): Promise<number> => {
  const { unit, models } = parseArgs({ args: [...args], options: installOptions }).values
  if (unit !== undefined) return adoptUnit({ ...parts, unit, ...(models === undefined ? {} : { models }) })
  if (models !== undefined) throw new Error('--models goes with --unit: the folder that the unit may read')
  return install(parts)
}

export const uninstallMain = async (args: readonly string[]): Promise<number> => {
  const wish = parseArgs({ args: [...args], options: uninstallOptions }).values
  if (wish.unit !== undefined) return releaseUnit(wish.unit, say)
  const ask = async (question: string): Promise<boolean> => wish.yes === true || askPerson(question)
  const release = () => releaseUnits(adoptedUnits(), say)
  return uninstall({ say, release }, { isWanted: wish['purge-models'] === true, ask, foreign: foreignCopies })
}
