// get and describe: objects as rows, as data, or in full.
import type { Kind } from '../../domain/object.ts'
import { Refusal, type Row } from '../client.ts'
import { describeLines } from '../describe.ts'
import { rowName, rowOf } from '../row.ts'
import type { Options, Register, Scene, Stage } from '../stage.ts'
import { withClient } from '../stage.ts'
import { alignRows, toRows } from '../table.ts'
import { findTarget, parseTarget, type Target } from '../target.ts'

export const registerGet: Register = (program, stage) => {
  program
    .command('get [what] [name]')
    .description('list models and runtimes, or show one')
    .option('-o, --output <format>', 'table, wide, json, yaml or name')
    .option('-A, --all-namespaces', 'of all namespaces')
    .action((what, name, _, command) =>
      withClient(stage, command, scene => get(stage, scene, parseTarget([what, name].filter(Boolean)))),
    )
  program
    .command('describe <what> [name]')
    .description('show one object in full: conditions, operations, events, what to do')
    .action((what, name, _, command) =>
      withClient(stage, command, scene => describe(stage, scene, parseTarget([what, name].filter(Boolean)))),
    )
}

const formats = ['table', 'wide', 'json', 'yaml', 'name']

const get = async (stage: Stage, scene: Scene<object>, target: Target): Promise<void> => {
  const { options, client, namespace } = scene
  const { output = 'table' } = options
  if (!formats.includes(output)) throw new Refusal(`-o ${output} is not one of ${formats.join(', ')}`)
  if (target.name !== undefined) {
    const row = rowOf(await findTarget(client, target, namespace))
    if (output === 'json' || output === 'yaml') await stage.print.data(toPrinted(row), output)
    else await show(stage, [row], scene)
    return
  }
  const kinds: readonly Kind[] = target.kind ? [target.kind] : ['Runtime', 'Model']
  const where = options.allNamespaces ? undefined : namespace
  const all = await Promise.all(kinds.map(kind => client.rows(kind, where)))
  await show(stage, all.flat(), scene)
}

const show = async (
  stage: Stage,
  all: readonly Row[],
  { options, namespace }: Scene<object>,
): Promise<void> => {
  const { print } = stage
  const { output = 'table' } = options
  if (output === 'json' || output === 'yaml')
    await print.data({ apiVersion: 'v1', kind: 'List', items: all.map(toPrinted) }, output)
  else if (output === 'name') print.lines(all.map(rowName))
  else if (all.length === 0) print.note(`nothing is in namespace ${namespace}: switchyard apply -f FILE`)
  else print.lines(tables(stage, all, options))
}

const tables = ({ now }: Stage, all: readonly Row[], options: Options): readonly string[] =>
  kindsOf(all).flatMap((kind, at) => {
    const some = all.filter(row => row.kind === kind)
    const withNamespace = options.allNamespaces ?? false
    const rows = toRows(kind, some, { now: now(), isWide: options.output === 'wide', withNamespace })
    return [...(at > 0 ? [''] : []), ...alignRows(rows)]
  })

/** Nobody reads who wrote which field, as in kubectl. */
const toPrinted = ({ raw }: Row): object => {
  const { managedFields: _, ...metadata } = raw['metadata'] as Record<string, unknown>
  return { ...raw, metadata }
}

const kindsOf = (all: readonly Row[]): readonly Kind[] => [...new Set(all.map(({ kind }) => kind))]

const describe = async (stage: Stage, scene: Scene<object>, target: Target): Promise<void> => {
  const { client, namespace } = scene
  const seen = await findTarget(client, target, namespace)
  const happenings = []
  for await (const one of client.happenings({ about: seen.object, since: 0, follow: false }))
    if (one.reason !== 'Phase') happenings.push(one)
  const owner = client.ownerOf(seen, seen.object.kind === 'Runtime' ? 'activeModel' : 'source')
  stage.print.lines(describeLines(seen, { platform: client.platform, now: stage.now(), happenings, owner }))
}
