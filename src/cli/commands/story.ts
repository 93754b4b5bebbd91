// logs, events and status: what the engine says, what happened, how it stands.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Model, Runtime } from '../../domain/object.ts'
import { type Happening, Refusal } from '../client.ts'
import { clean } from '../print.ts'
import { type Register, type Scene, type Stage, withClient } from '../stage.ts'
import { statusLines } from '../status-lines.ts'
import { findTarget, parseTarget } from '../target.ts'

interface Follows {
  readonly follow?: boolean
}
interface Logs extends Follows {
  readonly tail: string
  readonly previous?: boolean
}
interface Events extends Follows {
  readonly for?: string
  readonly since: string
}

export const registerStory: Register = (program, stage) => {
  program
    .command('logs <runtime>')
    .description('what the engine of a runtime wrote')
    .option('-f, --follow', 'go on as it writes')
    .option('-p, --previous', 'of the run before')
    .option('--tail <lines>', 'how many of the newest lines', '200')
    .action((runtime, _, command) => withClient<Logs>(stage, command, scene => logs(stage, scene, runtime)))
  program
    .command('events')
    .description('what happened, oldest first')
    .option('-f, --follow', 'go on as it happens')
    .option('--for <what>', 'of one object: model/x, runtime/y')
    .option('--since <seq>', 'on a host: only those after this number', '0')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('-o, --output <format>', 'json: one object per line')
    .action((_, command) => withClient<Events>(stage, command, scene => events(stage, scene)))
  program
    .command('status')
    .description('what serves, what is switched, what is fetched')
    .option('-w, --watch', 'live, until Ctrl-C')
    .option('-A, --all-namespaces', 'of all namespaces')
    .action((_, command) => withClient<{ watch?: boolean }>(stage, command, scene => status(stage, scene)))
}

const whole = (text: string, option: string): number => {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 0) return number
  throw new Refusal(`${option} ${text} is no whole number`)
}

const logs = async (
  { print }: Stage,
  { client, namespace, options }: Scene<Logs>,
  word: string,
): Promise<void> => {
  const seen = await findTarget(client, { ...parseTarget([word]), kind: 'Runtime' }, namespace)
  const { follow = false, previous = false } = options
  const lines = Math.max(1, whole(options.tail, '--tail'))
  let count = 0
  for await (const line of client.logs(seen.object as Runtime, { lines, previous, follow })) {
    print.line(clean(line))
    count++
  }
  if (count === 0)
    print.note(
      `the engine of ${seen.object.metadata.name} wrote nothing${previous ? ' in a run before' : ''}`,
    )
}

const events = async (stage: Stage, { client, namespace, options }: Scene<Events>): Promise<void> => {
  const about = options.for
    ? (await findTarget(client, parseTarget([options.for]), namespace)).object
    : undefined
  const wish = {
    namespace: options.allNamespaces ? undefined : namespace,
    about,
    since: whole(options.since, '--since'),
    follow: options.follow ?? false,
    onGone: (upTo: number) =>
      stage.print.note(
        `what happened from ${whole(options.since, '--since') + 1} to ${upTo} has left the journal, but for what a running operation tells (SWITCHYARD_JOURNAL_ENTRIES, …_DAYS)`,
      ),
  }
  for await (const one of client.happenings(wish))
    stage.print.line(options.output === 'json' ? JSON.stringify(one) : eventLine(stage, one))
}

const eventLine = ({ print }: Stage, one: Happening): string => {
  const { seq, at, type, kind, name, reason, message } = one
  const number = seq === undefined ? '' : `${String(seq).padStart(5)}  `
  const word = print.tint(type === 'Warning' ? 'bad' : 'dim', reason.padEnd(12))
  const what = print.tint('bold', `${kind.toLowerCase()}/${name}`)
  return `${print.tint('dim', number + at.slice(0, 19).replace('T', ' '))}  ${word}  ${what}  ${clean(message)}`
}

const status = async (stage: Stage, scene: Scene<{ watch?: boolean }>): Promise<void> => {
  const { print } = stage
  if (!scene.options.watch) return print.lines(await lookAt(stage, scene))
  let before: readonly string[] = []
  for (;;) {
    const lines = await lookAt(stage, scene)
    if (print.isLive) print.live([print.tint('dim', `${scene.client.place}, ${clock(stage)}`), ...lines])
    else
      for (const line of lines.filter(one => !before.includes(one)))
        print.line(`${clock(stage)}  ${line.trim()}`)
    before = lines
    await sleep(1_000)
  }
}

const clock = ({ now }: Stage): string => now().toISOString().slice(11, 19)

const lookAt = async (
  stage: Stage,
  { client, namespace, options }: Scene<object>,
): Promise<readonly string[]> => {
  const where = options.allNamespaces ? undefined : namespace
  const [runtimes, models] = await Promise.all([client.list('Runtime', where), client.list('Model', where)])
  return statusLines({
    runtimes: runtimes.map(({ object }) => object as Runtime),
    models: models.map(({ object }) => object as Model),
    now: stage.now(),
    tint: (how, text) => stage.print.tint(how, text),
  })
}
