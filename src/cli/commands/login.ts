// login: a token from a prompt or a pipe into a host's secrets folder; never from an argument, which everybody on the machine could read.
import type { ReadStream } from 'node:tty'
import { readInput } from '../input-text.ts'
import type { Printer } from '../print.ts'
import { secretPath, toToken, writeSecret } from '../secret-file.ts'
import type { Register, Stage } from '../stage.ts'

export const registerLogin: Register = (program, stage) => {
  program
    .command('login <name>')
    .description('on a host: keep a token that Models name in tokenSecretRef; typed at a prompt, or piped in')
    .option('--key <key>', 'key inside the Secret', 'token')
    .action(async (name: string, options: { readonly key: string }) => {
      const place = { folder: stage.secretsFolder, name, key: options.key }
      secretPath(place)
      const path = writeSecret(place, toToken(await readToken(stage)))
      stage.print.line(
        `${path} written; a Model names it with tokenSecretRef: { name: ${name}, key: ${options.key} }`,
      )
    })
}

const readToken = async ({ input, print }: Stage): Promise<string> => {
  if (!input.isTTY) return readInput(input)
  print.note('Token (it is not shown):')
  return readHidden(input as ReadStream, print)
}

/** Letter by letter, because the terminal would show a line. Ctrl-C ends it. */
const readHidden = async (input: ReadStream, print: Printer): Promise<string> => {
  let typed = ''
  input.setRawMode(true)
  try {
    for await (const part of input.setEncoding('utf8')) {
      const text = String(part)
      if (text.includes('\u0003')) return ''
      typed += text
      if (/[\r\n\u0004]/.test(text)) break
    }
  } finally {
    input.setRawMode(false)
    print.note('')
  }
  return typed.split(/[\r\n\u0004]/)[0]?.replaceAll(/.\u007f/g, '') ?? ''
}
