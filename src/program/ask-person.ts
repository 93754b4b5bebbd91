// One question to the person at the terminal, before what cannot be taken back.
import { createInterface } from 'node:readline/promises'

/** True for the word yes alone; Ctrl-C, Ctrl-D and every other word are no. Throws where nobody can be asked. */
export const askPerson = async (question: string): Promise<boolean> => {
  if (!process.stdin.isTTY) throw new Error('--purge-models asks first: without a terminal say --yes too')
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  // A line that is given up is never answered: it is closed.
  const givenUp = new Promise<undefined>(resolve => terminal.once('close', () => resolve(undefined)))
  const answer = await Promise.race([terminal.question(`${question} Type yes: `), givenUp])
  terminal.close()
  if (answer === undefined) console.log()
  return answer?.trim() === 'yes'
}
