// explain: what a reason means and what to do, from the table that status, events and metrics use.
import { type Reason, reasonNames, reasons } from '../../domain/conditions.ts'
import { Refusal } from '../client.ts'
import { didYouMean } from '../closest.ts'
import type { Register } from '../stage.ts'
import { alignRows } from '../table.ts'

export const registerExplain: Register = (program, { print }) => {
  program
    .command('explain [reason]')
    .description('what a reason in a condition or an event means, and what to do')
    .action((word?: string) => {
      print.lines(
        word === undefined
          ? alignRows(reasonNames.map(name => [name, reasons[name].means]))
          : explainLines(word),
      )
    })
}

export const explainLines = (word: string): readonly string[] => {
  const name: Reason | undefined = reasonNames.find(one => one.toLowerCase() === word.toLowerCase())
  if (!name)
    throw new Refusal(`${word} is no reason${didYouMean(word, reasonNames)} (all: switchyard explain)`)
  const { means, todo } = reasons[name]
  return [name, `  ${means}`, `  ${todo ? `What to do: ${todo}` : 'Nothing has to be done.'}`]
}
