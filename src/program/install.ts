// `switchyard install` and `uninstall`: this program as a service of the machine.
import { createInterface } from 'node:readline/promises'
import { install, uninstall } from '../platform/host/systemd/install.ts'

const say = (line: string): void => console.log(line)

const parts = { bundle: process.argv[1] ?? '', node: process.execPath, say }

export const installMain = async (words: readonly string[]): Promise<number> => {
  refuse(words, [])
  return install(parts)
}

export const uninstallMain = async (words: readonly string[]): Promise<number> => {
  refuse(words, ['--purge-models', '--yes'])
  const isYes = words.includes('--yes')
  const ask = async (question: string): Promise<boolean> => isYes || askPerson(question)
  return uninstall(parts, { isWanted: words.includes('--purge-models'), ask })
}

const refuse = (words: readonly string[], known: readonly string[]): void => {
  const unknown = words.find(word => !known.includes(word))
  if (unknown === undefined) return
  const may = known.length > 0 ? `may be ${known.join(', ')}` : 'takes no words'
  throw new Error(`${JSON.stringify(unknown)} is not known here: this command ${may}`)
}

const askPerson = async (question: string): Promise<boolean> => {
  if (!process.stdin.isTTY) throw new Error('--purge-models asks first: without a terminal say --yes too')
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await terminal.question(`${question} Type yes: `)
  terminal.close()
  return answer.trim() === 'yes'
}
