// explain: what a reason means and what to do, in the words of the machine that is spoken to; of both kinds where none is.
import { type Reason, reasonNames } from '../../domain/conditions.ts'
import { hostText, textOf } from '../../domain/host-reasons.ts'
import type { ReasonText } from '../../domain/reason-text.ts'
import { reasons } from '../../domain/reasons.ts'
import { type Client, Refusal } from '../client.ts'
import { didYouMean } from '../closest.ts'
import type { Options, Register, Stage } from '../stage.ts'
import { alignRows } from '../table.ts'

type Where = Client['platform'] | undefined

export const registerExplain: Register = (program, stage) => {
  program
    .command('explain [reason]')
    .description('what a reason in a condition or an event means, and what to do')
    .action(async (word: string | undefined, _, command) => {
      const where = await findWhere(stage, command.optsWithGlobals())
      stage.print.lines(word === undefined ? alignRows(allRows(where)) : explainLines(word, where))
    })
}

/** Nobody has to answer: it is enough to know whom these words are for. */
const findWhere = async (stage: Stage, options: Options): Promise<Where> => {
  const client = await stage.connect(options).catch(() => undefined)
  await client?.close()
  return client?.platform
}

const allRows = (where: Where): readonly (readonly string[])[] =>
  reasonNames
    .filter(name => where !== 'host' || hostText(name))
    .map(name => [name, textOf(name, where ?? 'cluster').means])

export const explainLines = (word: string, where: Where): readonly string[] => {
  const name: Reason | undefined = reasonNames.find(one => one.toLowerCase() === word.toLowerCase())
  if (!name)
    throw new Refusal(`${word} is no reason${didYouMean(word, reasonNames)} (all: switchyard explain)`)
  const host = hostText(name)
  if (where === 'cluster') return [name, ...textLines(reasons[name])]
  if (!host) return [name, ...textLines(reasons[name]), '  Only a cluster gives this reason.']
  if (where === 'host' || isSame(host, reasons[name])) return [name, ...textLines(host)]
  return [
    name,
    '  On a host:',
    ...indented(textLines(host)),
    '  On a cluster:',
    ...indented(textLines(reasons[name])),
  ]
}

const textLines = ({ means, todo }: ReasonText): readonly string[] => [
  `  ${means}`,
  `  ${todo ? `What to do: ${todo}` : 'Nothing has to be done.'}`,
]

const indented = (lines: readonly string[]): readonly string[] => lines.map(line => `  ${line}`)

const isSame = (a: ReasonText, b: ReasonText): boolean => a.means === b.means && a.todo === b.todo
