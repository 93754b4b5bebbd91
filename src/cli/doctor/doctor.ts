// `switchyard doctor`: every check once, side by side; in the order in which a host is put together.
import { checkEngines, checkManifests, checkSocket, checkStore } from './daemon-checks.ts'
import { type Finding, fault } from './finding.ts'
import { checkModels, checkSecrets, checkState } from './folder-checks.ts'
import { checkHub } from './hub-checks.ts'
import {
  checkGpus,
  checkLimits,
  checkLingering,
  checkNode,
  checkSettings,
  checkUnit,
} from './machine-checks.ts'
import type { World } from './world.ts'

type Check = (world: World) => Finding | readonly Finding[] | Promise<Finding | readonly Finding[]>

const checks: readonly (readonly [string, Check])[] = [
  ['Node', checkNode],
  ['Settings', checkSettings],
  ['Open files', checkLimits],
  ['State folder', checkState],
  ['Store', checkStore],
  ['Socket', checkSocket],
  ['Unit', checkUnit],
  ['Lingering', checkLingering],
  ['Manifests', checkManifests],
  ['Models folder', checkModels],
  ['Secrets', checkSecrets],
  ['Engines', checkEngines],
  ['GPU', checkGpus],
  ['Hub', checkHub],
]

/** Never throws: a check that breaks is a finding. */
export const doctor = async (world: World): Promise<readonly Finding[]> =>
  (await Promise.all(checks.map(([name, check]) => carryOut(name, check, world)))).flat()

const carryOut = async (name: string, check: Check, world: World): Promise<readonly Finding[]> => {
  try {
    return [await check(world)].flat()
  } catch (error) {
    return [
      fault(
        name,
        `could not be looked at: ${(error as Error).message}`,
        'look at it by hand; please report it',
      ),
    ]
  }
}
