// discover and adopt: what lies on this machine already, and a Model for it, so that its bytes are hashed and used where they are.
import { showBytes } from '../../domain/crd-display.ts'
import type { Runtime } from '../../domain/object.ts'
import { type Client, Refusal, type Seen } from '../client.ts'
import { clean } from '../print.ts'
import { parseSource, toObjectName } from '../source-words.ts'
import { type Found, type Register, type Scene, type Stage, withClient } from '../stage.ts'
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
    .action((folders: readonly string[], options: { readonly output?: string }) =>
      discover(stage, folders, options),
    )
  program
    .command('adopt <source>')
    .description(
      'make a Model of what lies on a runtime’s volume: every byte is hashed, none is fetched that is there',
    )
    .requiredOption('--on <runtime>', 'the runtime on whose volume it lies')
    .option('--name <name>', 'of the Model; default: made from the source')
    .action((source, _, command) => withClient<Adopts>(stage, command, scene => adopt(stage, scene, source)))
}

const discover = async (
  { print, discover: look, usualFolders }: Stage,
  named: readonly string[],
  { output }: { readonly output?: string },
): Promise<void> => {
  const found: Found[] = []
  for (const folder of named.length > 0 ? named : usualFolders) {
    const here = await look(folder)
    if (here) found.push(here)
    else if (named.length > 0)
      throw new Refusal(`${folder} is no folder that can be read; write its absolute path`)
  }
  if (output === 'json') return print.data(found, 'json')
  const rows = found.flatMap(({ root, copies }) => copies.map(copy => rowOf(root, copy)))
  if (rows.length === 0)
    print.note(`no model lies in ${(named.length > 0 ? named : usualFolders).join(', ')}`)
  else print.lines(alignRows([['MODEL', 'SIZE', 'WHOLE', 'OURS', 'WHERE'], ...rows]))
  if (rows.some(row => row[3] === 'no')) print.note('use one: switchyard adopt SOURCE --on RUNTIME')
}

const rowOf = (root: string, copy: Found['copies'][number]): readonly string[] => {
  const source = {
    HubCache: `hf:${copy.model}`,
    OllamaStore: `ollama:${copy.model.replace(/^registry\.ollama\.ai\/(library\/)?/, '')}`,
    Folder: `local:${copy.path}`,
  }[copy.layout]
  const ours = { Fetched: 'fetched', Adopted: 'adopted', None: 'no' }[copy.receipt]
  const where = copy.path === '' ? root : `${root}/${copy.path}`
  return [
    clean(source ?? copy.model),
    showBytes(copy.bytes),
    copy.isComplete ? 'yes' : 'no',
    ours,
    clean(where),
  ]
}

const adopt = async (stage: Stage, scene: Scene<Adopts>, word: string): Promise<void> => {
  const { client, namespace, options } = scene
  const seen = await findTarget(client, { ...parseTarget([options.on]), kind: 'Runtime' }, namespace)
  const runtime = seen.object as Runtime
  const name = options.name ?? toObjectName(word)
  await refuseTwin(client, { namespace, name })
  const spec = { source: parseSource(word, runtime.spec.engine), runtimes: [{ name: runtime.metadata.name }] }
  const result = await client.apply({ kind: 'Model', namespace, name, spec }, { force: false })
  stage.print.line(`model/${name} ${result}; what is there is hashed now: switchyard describe model/${name}`)
}

const refuseTwin = async (client: Client, at: { namespace: string; name: string }): Promise<void> => {
  const there: Seen | undefined = await client.find('Model', at)
  if (there) throw new Refusal(`model/${at.name} is there already: name another with --name`)
}
