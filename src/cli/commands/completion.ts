// completion: what a shell sources so that it completes these commands.
import { Refusal } from '../client.ts'
import { scripts, shells } from '../complete.ts'
import type { Register } from '../stage.ts'

export const registerCompletion: Register = (program, { print }) => {
  program
    .command('completion <shell>')
    .description(`what a shell sources to complete these commands: ${shells.join(', ')}`)
    .action((word: string) => {
      const shell = shells.find(one => one === word)
      if (!shell) throw new Refusal(`${word} is not one of ${shells.join(', ')}`)
      print.line(scripts[shell].trimEnd())
    })
}
