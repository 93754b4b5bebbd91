// activate, rollback and the other requests: one small change each, the same on a host and on a cluster.
import { Failure } from '../../domain/failure.ts'
import type { Model, Runtime } from '../../domain/object.ts'
import { type Change, type RequestName, toChange } from '../../domain/request.ts'
import { type Client, Refusal, type Seen } from '../client.ts'
import { foresee } from '../foresight.ts'
import { type Register, type Scene, type Stage, withClient } from '../stage.ts'
import { findTarget, nameOf, parseTarget } from '../target.ts'
import { waitFor } from '../wait.ts'

interface Waits {
  readonly wait?: true | string
}
interface Activates extends Waits {
  readonly on?: string
  readonly dryRun?: boolean
}

const waitText = 'until it is done, drawn live (default 1800)'

/** Of one kind: the word before it can be left out. */
const simple: readonly (readonly [RequestName, 'Runtime' | 'Model' | undefined, string])[] = [
  ['rollback', 'Runtime', 'go back to the model that served before'],
  ['idle', 'Runtime', 'unload: free the device'],
  ['pause', undefined, 'change nothing of it until it is resumed'],
  ['resume', undefined, 'go on'],
  ['retry', undefined, 'try what failed again, now'],
  ['cancel', undefined, 'of a runtime: turn its switch round; of a model: stop its download'],
  ['verify', 'Model', 'hash every byte again'],
  ['refresh', 'Model', 'look for a newer commit of its branch, or manifest of its tag'],
]

export const registerRequests: Register = (program, stage) => {
  program
    .command('activate <model>')
    .description('let a runtime serve a model: a name, or a source such as Qwen/Qwen2.5-7B-Instruct')
    .option('--on <runtime>', 'the runtime; may be left out when there is only one')
    .option('--dry-run', 'say what will happen, what it took last time and what will be cut; change nothing')
    .option('--wait [seconds]', waitText)
    .action((model, _, command) =>
      withClient<Activates>(stage, command, scene => activate(stage, scene, model)),
    )
  for (const [name, kind, says] of simple)
    program
      .command(`${name} <what> [name]`)
      .description(says)
      .option('--wait [seconds]', waitText)
      .action((what, second, _, command) =>
        withClient<Waits>(stage, command, async scene => {
          const target = parseTarget([what, second].filter(Boolean))
          const seen = await findTarget(scene.client, kind ? { ...target, kind } : target, scene.namespace)
          await ask(stage, scene, { seen, change: changeOf(name, seen.object, stage) })
        }),
      )
}

const changeOf = (name: RequestName, object: Model | Runtime, stage: Stage, model?: string): Change => {
  try {
    return toChange(name, object, { now: stage.now(), ...(model === undefined ? {} : { model }) })
  } catch (error) {
    throw error instanceof Failure ? new Refusal(error.message) : error
  }
}

const ask = async (
  stage: Stage,
  { client, options }: Scene<Waits>,
  { seen, change }: { readonly seen: Seen; readonly change: Change },
): Promise<void> => {
  for (const field of Object.keys(change.spec ?? {})) warnOfOwner(stage, client, seen, field)
  await client.change(seen.object, change)
  stage.print.line(change.says)
  if (seen.object.kind !== 'Runtime' || !options.wait) return
  await waitFor({ client, runtime: seen.object }, stage, options.wait === true ? 1_800 : Number(options.wait))
}

const warnOfOwner = ({ print }: Stage, client: Client, seen: Seen, field: string): void => {
  const owner = client.ownerOf(seen, field)
  if (owner !== undefined)
    print.warn(
      `spec.${field} of ${nameOf(seen)} belongs to ${owner}, which will put back what its source says: change it there`,
    )
}

const activate = async (stage: Stage, scene: Scene<Activates>, word: string): Promise<void> => {
  const { client, namespace, options } = scene
  const model = await findTarget(client, { ...parseTarget([word]), kind: 'Model' }, namespace)
  const runtime = options.on
    ? await findTarget(client, { ...parseTarget([options.on]), kind: 'Runtime' }, namespace)
    : await onlyRuntime(client, namespace)
  if (options.dryRun) {
    stage.print.lines(foresee(runtime.object as Runtime, model.object as Model))
    warnOfOwner(stage, client, runtime, 'activeModel')
    return
  }
  const change = changeOf('activate', runtime.object, stage, model.object.metadata.name)
  await ask(stage, scene, { seen: runtime, change })
}

const onlyRuntime = async (client: Client, namespace: string): Promise<Seen> => {
  const all = await client.list('Runtime', namespace)
  const [one] = all
  if (one && all.length === 1) return one
  const names = all.map(({ object }) => object.metadata.name).join(', ')
  throw new Refusal(
    one
      ? `name the runtime with --on: ${names}`
      : `there is no Runtime in namespace ${namespace}: apply one first`,
  )
}
