// What has to be the same at the end, whatever happened to the controller on the way.
import type { Operation } from '../../src/domain/operation.ts'
import type { Pod, World } from '../../src/platform/memory/memory-world.ts'

export const picture = (world: World) => ({
  models: world.models.list().map(({ metadata, status }) => ({
    name: metadata.name,
    phase: status.phase,
    revision: status.resolved?.revision,
    copies: status.copies?.map(({ claim, phase, revision, receipt }) => ({
      claim,
      phase,
      revision,
      receipt,
    })),
    open: status.operations?.filter(operation => operation.phase === 'Running').length,
    history: modelHistory(status.operations),
  })),
  runtimes: world.runtimes.list().map(({ metadata, status }) => ({
    name: metadata.name,
    phase: status.phase,
    active: status.active?.model,
    switch: status.switch,
    last: status.lastSwitch?.result,
    history: runtimeHistory(status.operations),
  })),
  pods: world.pods.list().map(shown),
  deployments: world.deployments
    .list()
    .map(({ name, template, replicas, strategy }) => ({ name, template, replicas, strategy })),
  stored: world.claims.list().map(claim => claim.copies.map(copy => copy.model).sort()),
  works: world.works.list().length,
  // An engine is asked as often as somebody wants to know; only work on bytes must not be done twice.
  done: [...onceEach(world.done.filter(({ command }) => command !== 'ask'))].sort(),
})

/** What failed is tried again after its pause, and whoever was away for that long tries at once: how often is a matter of time. */
const onceEach = (done: World['done']): readonly string[] => {
  const lines = done.map(({ command, owner, isGood }) => `${command} ${owner} ${isGood}`)
  return lines.filter((line, at) => done[at]?.isGood || lines.indexOf(line) === at)
}

/**
 * Which kinds of work ended how. Not how often: a Model that nobody wanted yet when it was resolved has one entry for that and one
 * for its copy. Not Verify and Refresh: one that began and ended while no controller could write has no entry.
 */
const modelHistory = (operations: readonly Operation[] = []): readonly string[] =>
  [...new Set(operations.filter(({ type }) => type === 'Install' || type === 'Remove').map(inShort))].sort()

/** An old leader that sees a Model or Deployment late drops a switch which the new one opened: it is opened again, and both stand there. */
export const runtimeHistory = (operations: readonly Operation[] = []): readonly string[] =>
  operations.filter(operation => !isDroppedLate(operation)).map(inShort)

const isDroppedLate = ({ phase, reason, message }: Operation): boolean =>
  reason === 'DeploymentNotFound' || (phase === 'Cancelled' && message !== 'the model before is wanted again')

const inShort = ({ type, phase }: Operation): string => `${type} ${phase}`

export type Picture = ReturnType<typeof picture>

const shown = ({ template, isReady, loaded }: Pod) => ({ recipe: template.recipe, isReady, loaded })
