// discover and adopt: what lies on this machine already, and a Model for it, so that its bytes are hashed and used where they are.
import { join, resolve } from 'node:path'
import type { Runtime } from '../../domain/object.ts'
import { type Client, type Found, Refusal, type Seen } from '../client.ts'
import { copiesOf, copiesOfSource, foundAdvice, foundRows, toReach } from '../found-copies.ts'
import { clean } from '../print.ts'
import { parseSource, toObjectName, type WrittenSource } from '../source-words.ts'
import { type Options, type Register, type Scene, type Stage, withClient } from '../stage.ts'
import { alignRows } from '../table.ts'
import { findTarget, parseTarget } from '../target.ts'

interface Adopts {
  readonly on: string
  readonly name?: string
}

export const registerFound: Register = (program, stage) => {
  program
    .command('discover [folders...]')
    .description(
      'what models lie in these folders (default: where Hub, Ollama and Switchyard keep theirs); changes nothing',
    )
    .option('-o, --output <format>', 'json')
    .action((folders: readonly string[], _, command) => discover(stage, folders, command.optsWithGlobals()))
  program
    .command('adopt <source>')
    .description(
      'make a Model of what lies on a runtime’s volume: every byte is hashed, none is fetched that is there',
    )
    .requiredOption('--on <runtime>', 'the runtime on whose volume it lies')
    .option('--name <name>', 'of the Model; default: made from the source')
    .action((source, _, command) => withClient<Adopts>(stage, command, scene => adopt(stage, scene, source)))
}

/** A host is asked: it looks as whom its works run. Elsewhere the person looks. */
const lookInto = async (
  stage: Stage,
  named: readonly string[],
  options: Options,
): Promise<readonly Found[]> => {
  const client = await stage.connect(options).catch(() => undefined)
  try {
    if (client?.discover) return await client.discover(named)
    return await Promise.all((named.length > 0 ? named : stage.usualFolders).map(stage.discover))
  } finally {
    await client?.close()
  }
}

const discover = async (stage: Stage, folders: readonly string[], options: Options): Promise<void> => {
  const { print } = stage
  const named = folders.map(folder => resolve(folder))
  const all = await lookInto(stage, named, options)
  if (options.output === 'json') return print.data(all, 'json')
  const found = copiesOf(all)
  if (found.length > 0) print.lines(alignRows(foundRows(found, options.namespace ?? 'default')))
  else print.note(`no model lies in ${all.map(({ root }) => root).join(', ') || 'the usual folders'}`)
  for (const one of all.filter(each => 'copies' in each))
    for (const path of one.unreadable) print.note(`${clean(join(one.root, path))} cannot be read`)
  for (const sentence of foundAdvice(found)) print.note(sentence)
  refuseFailed(all.filter(one => 'failure' in one && named.length > 0))
}

const refuseFailed = (failed: readonly Found[]): void => {
  const [first] = failed
  if (first && 'failure' in first) throw new Refusal(`${first.root}: ${first.failure}`)
}

const adopt = async (stage: Stage, scene: Scene<Adopts>, word: string): Promise<void> => {
  const { client, namespace, options } = scene
  const seen = await findTarget(client, { ...parseTarget([options.on]), kind: 'Runtime' }, namespace)
  const runtime = seen.object as Runtime
  const name = options.name ?? toObjectName(word)
  await refuseTwin(client, { namespace, name })
  const source = parseSource(word, runtime.spec.engine)
  await refuseElsewhere(client, runtime, { source, word })
  const spec = { source, runtimes: [{ name: runtime.metadata.name }] }
  const result = await client.apply({ kind: 'Model', namespace, name, spec }, { force: false })
  stage.print.line(`model/${name} ${result}; what is there is hashed now: switchyard describe model/${name}`)
}

/** Where somebody can look: what does not lie where the Runtime looks would be fetched again, which nobody asked for. */
const refuseElsewhere = async (
  { discover }: Client,
  { metadata: { namespace, name }, spec }: Runtime,
  { source, word }: { readonly source: WrittenSource; readonly word: string },
): Promise<void> => {
  // In a store of Ollama a repository of the Hub has a name that its Model gives it.
  if (!discover || (source.huggingFace && spec.engine !== 'VLLM')) return
  const all = await discover([])
  const copies = copiesOfSource(copiesOf(all), source)
  const isThere = copies?.some(({ copy }) => copy.runtimes?.includes(`${namespace}/${name}`) ?? true) ?? true
  const isAllSeen = all.every(one => 'copies' in one && one.unreadable.length === 0)
  if (isThere || !(copies?.length || isAllSeen)) return
  throw new Refusal(
    copies?.[0]
      ? `${word} lies in ${copies[0].place}, where runtime ${name} does not look: ${toReach(copies[0])}`
      : `${word} lies in none of ${all.map(({ root }) => root).join(', ')}: apply a Model that fetches it`,
  )
}

const refuseTwin = async (client: Client, at: { namespace: string; name: string }): Promise<void> => {
  const there: Seen | undefined = await client.find('Model', at)
  if (there) throw new Refusal(`model/${at.name} is there already: name another with --name`)
}
