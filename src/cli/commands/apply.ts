// apply and delete: what a person wishes to be there, and to be gone.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Wish } from '../../domain/wish.ts'
import { Refusal, type Seen } from '../client.ts'
import { type Register, type Scene, type Stage, withClient } from '../stage.ts'
import { findTarget, nameOf, parseTarget } from '../target.ts'

interface Files {
  readonly filename?: readonly string[]
}

const several = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

export const registerApply: Register = (program, stage) => {
  program
    .command('apply')
    .description('create or change what stands in files')
    .requiredOption('-f, --filename <file>', 'file, folder, or - for what comes in; may be repeated', several)
    .option('--force', 'on a cluster: take over fields that another manager owns')
    .action((_, command) =>
      withClient<Files & { force?: boolean }>(stage, command, scene => apply(stage, scene)),
    )
  program
    .command('delete [what] [name]')
    .description('delete an object; its bytes go with a Model, unless its deletionPolicy is Retain')
    .option('-f, --filename <file>', 'what stands in files', several)
    .option('--wait [seconds]', 'until it is gone (default 300)')
    .action((what, name, _, command) =>
      withClient<Files & { wait?: true | string }>(stage, command, scene =>
        remove(stage, scene, [what, name].filter(Boolean)),
      ),
    )
}

/** What reads YAML is loaded by whom it is for. */
const wishesOf = async ({ input }: Stage, { options, namespace }: Scene<Files>): Promise<readonly Wish[]> => {
  const { readDocuments } = await import('../documents.ts')
  const all: Wish[] = []
  for (const place of options.filename ?? []) all.push(...(await readDocuments(place, { namespace, input })))
  return all
}

/** Each by itself: a bad one does not keep the others; the exit code is that of the first that failed. */
const apply = async (stage: Stage, scene: Scene<Files & { force?: boolean }>): Promise<void> => {
  const refused: Refusal[] = []
  for (const wish of await wishesOf(stage, scene)) {
    const name = `${wish.kind.toLowerCase()}/${wish.name}`
    try {
      stage.print.line(`${name} ${await scene.client.apply(wish, { force: scene.options.force ?? false })}`)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      stage.print.fail(`${name}: ${error.message}`)
      refused.push(error)
    }
  }
  const [first] = refused
  if (first) throw new Refusal(`${refused.length} could not be applied`, first.exitCode)
}

const remove = async (
  stage: Stage,
  scene: Scene<Files & { wait?: true | string }>,
  words: readonly string[],
): Promise<void> => {
  const { client, namespace, options } = scene
  const targets = options.filename
    ? (await wishesOf(stage, scene)).map(({ kind, name, namespace: where }) => ({ kind, name, where }))
    : [{ ...parseTarget(words), where: namespace }]
  for (const { where, ...target } of targets) {
    const seen = await findTarget(client, target, where)
    const isGone = await client.remove(seen.object)
    stage.print.line(`${nameOf(seen)} ${isGone ? 'deleted' : 'is being deleted'}`)
    if (options.wait && !isGone) await untilGone(scene, seen, options.wait)
  }
}

const untilGone = async ({ client }: Scene<object>, seen: Seen, wait: true | string): Promise<void> => {
  const { kind, metadata } = seen.object
  const end = Date.now() + 1000 * (wait === true ? 300 : Number(wait))
  for (;;) {
    const now = await client.find(kind, metadata)
    if (now?.object.metadata.uid !== metadata.uid) return
    if (Date.now() > end)
      throw new Refusal(`${nameOf(seen)} is still there: switchyard describe ${nameOf(seen)}`, 3)
    await sleep(300)
  }
}
